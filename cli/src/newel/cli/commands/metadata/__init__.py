"""`newel metadata …`."""
