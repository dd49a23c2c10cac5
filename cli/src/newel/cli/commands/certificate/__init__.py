"""The `certificate` commands."""
