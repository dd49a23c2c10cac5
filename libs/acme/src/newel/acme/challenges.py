"""What a client must show for each challenge (RFC 8555 §8, RFC 8737, RFC 8738)."""

import hashlib
import hmac

from newel.acme import base64url

HTTP_01 = "http-01"
DNS_01 = "dns-01"
TLS_ALPN_01 = "tls-alpn-01"

HTTP_PREFIX = "/.well-known/acme-challenge/"
DNS_LABEL = "_acme-challenge"


def key_authorization(token: str, thumbprint: bytes) -> str:
    """``token.thumbprint`` (RFC 8555 §8.1), the thumbprint being the account key's 32 octets."""
    return f"{token}.{base64url.encode(thumbprint)}"


def http_path(token: str) -> str:
    """The path an http-01 answer is fetched from (§8.3)."""
    return HTTP_PREFIX + token


def is_http_answer(body: bytes, expected: str) -> bool:
    """Whether a body is the key authorization, whole; trailing white space is tolerated (§8.3)."""
    return hmac.compare_digest(body.rstrip(b" \t\r\n"), expected.encode())


def dns_name(domain: str) -> str:
    """The name whose TXT records answer dns-01 (§8.4)."""
    return f"{DNS_LABEL}.{domain}"


def dns_value(authorization: str) -> str:
    """The TXT value of dns-01: base64url of the key authorization's SHA-256."""
    return base64url.encode(digest(authorization))


def digest(authorization: str) -> bytes:
    """SHA-256 of the key authorization: dns-01's value and tls-alpn-01's extension, 32 octets."""
    return hashlib.sha256(authorization.encode()).digest()


def offered(identifier_type: str, *, wildcard: bool) -> tuple[str, ...]:
    """The challenge types that can prove an identifier.

    Wildcards only by DNS, since only the zone shows control of every name in it; addresses never
    by DNS (RFC 8738 §7).
    """
    if wildcard:
        return (DNS_01,)
    if identifier_type == "ip":
        return (HTTP_01, TLS_ALPN_01)
    return (HTTP_01, DNS_01, TLS_ALPN_01)
