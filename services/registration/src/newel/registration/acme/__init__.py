"""The ACME server (RFC 8555): accounts, orders, authorizations, certificates."""
