"""`newel doctor`: what is wrong with an authority, and what to do about it."""
