"""``make split``: the six services, PostgreSQL, NATS and a PKCS #11 token on one machine, without containers."""
