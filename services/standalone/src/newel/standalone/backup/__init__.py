"""`newel backup` and `newel restore`: the state of an authority as one encrypted file, and back."""
