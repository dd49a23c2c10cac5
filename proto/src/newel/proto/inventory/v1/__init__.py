"""The contracts of the inventory, version 1."""
