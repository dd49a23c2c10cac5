"""`newel crypto nacl secretbox`: messages under one shared key (XSalsa20, Poly1305)."""
