"""`newel crypto nacl box`: messages between two key pairs (X25519, XSalsa20, Poly1305)."""
