"""`newel crypto jose`: the serializations of JWS and JWE."""
