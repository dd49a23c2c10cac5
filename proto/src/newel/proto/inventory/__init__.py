"""The contracts of the inventory."""
