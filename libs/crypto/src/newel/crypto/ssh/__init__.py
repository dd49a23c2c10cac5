"""Keys, certificates and signatures as SSH writes them (RFC 4251, RFC 4253, PROTOCOL.certkeys)."""
