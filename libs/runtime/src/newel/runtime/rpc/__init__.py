"""Calls between services: channels, wire errors, guards, the local short cut."""
