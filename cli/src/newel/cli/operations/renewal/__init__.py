"""Renewal: whether it is due, once or repeatedly, and what follows."""
