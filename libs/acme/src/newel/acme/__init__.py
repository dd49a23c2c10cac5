"""RFC 8555 messages, JWS and key authorizations."""
