"""Tokens from identity providers: OAuth 2.0 (RFC 6749, RFC 8252, RFC 8628) and OpenID Connect."""
