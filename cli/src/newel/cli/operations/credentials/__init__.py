"""What proves to a service who asks: a token or a certificate, got once, kept, renewed, given back (ROAD-06)."""
