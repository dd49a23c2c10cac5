"""The events on the bus."""
