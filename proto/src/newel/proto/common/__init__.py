"""Messages that every contract shares."""
