"""The step API: one-time tokens, renewal, revocation, and what clients may know."""
