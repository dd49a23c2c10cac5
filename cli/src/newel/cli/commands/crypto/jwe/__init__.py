"""`newel crypto jwe`: JSON Web Encryption (RFC 7516)."""
