"""All authorities in one process: the embedded default."""
