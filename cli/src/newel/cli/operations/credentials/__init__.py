"""What proves to a service who asks: a token or a certificate, stored, renewed and revoked."""
