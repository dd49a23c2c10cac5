"""`newel certificates …`."""
