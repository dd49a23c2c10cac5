"""`newel crypto jwk`: JSON Web Keys (RFC 7517)."""
