"""`newel context`: several authorities on one machine."""
