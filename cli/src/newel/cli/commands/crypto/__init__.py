"""`newel crypto`: keys, tokens, digests and passwords without an authority."""
