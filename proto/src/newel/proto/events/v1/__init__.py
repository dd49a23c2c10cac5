"""The events on the bus, version 1."""
