"""`newel crypto nacl auth`: authenticators under a shared key (HMAC-SHA-512-256)."""
