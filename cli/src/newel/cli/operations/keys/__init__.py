"""Keys: which kind, out of which file, into which, or in a key service."""
