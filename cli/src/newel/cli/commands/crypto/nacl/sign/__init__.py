"""`newel crypto nacl sign`: messages with their Ed25519 signature in front."""
