"""`newel crypto jwt`: JSON Web Tokens (RFC 7519)."""
