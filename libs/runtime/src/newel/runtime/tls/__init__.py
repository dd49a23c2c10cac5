"""TLS contexts of clients, servers and mutual authentication."""
