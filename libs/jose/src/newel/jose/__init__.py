"""JSON Web Keys, signatures and encryption (RFC 7515 to 7518, 7638, 8037)."""
