"""Every certificate, grouped into endpoints and lineages."""
