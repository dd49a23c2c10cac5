"""Challenge validation: http-01, dns-01, tls-alpn-01 and device-attest-01 (RFC 8555 §8, RFC 8737, RFC 8738)."""
