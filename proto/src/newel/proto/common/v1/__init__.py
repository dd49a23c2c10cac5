"""Messages that every contract shares, version 1."""
