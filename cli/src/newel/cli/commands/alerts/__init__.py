"""`newel alerts …`."""
