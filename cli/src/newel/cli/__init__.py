"""The step-compatible command line."""
