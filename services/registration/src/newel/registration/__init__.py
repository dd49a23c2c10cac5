"""The registration authority: the HTTPS front door."""
