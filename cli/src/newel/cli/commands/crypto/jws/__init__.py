"""`newel crypto jws`: JSON Web Signatures (RFC 7515)."""
