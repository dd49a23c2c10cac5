"""`newel endpoints …`."""
