"""What an authority's own files are enough for while it is not running (--offline)."""
