"""`newel crypto nacl`: boxes, signatures and authenticators of NaCl."""
