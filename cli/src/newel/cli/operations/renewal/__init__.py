"""Renewing: whether it is due, once or for ever, and what follows."""
