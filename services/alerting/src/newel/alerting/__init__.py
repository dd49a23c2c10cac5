"""Tells people before something expires or goes wrong."""
