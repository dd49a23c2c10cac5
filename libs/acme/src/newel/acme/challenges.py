"""What a client must prove for each challenge (RFC 8555 §8, RFC 8737, RFC 8738, and drafts)."""

import base64
import hashlib
import hmac

from newel.acme.identifiers import PERMANENT_IDENTIFIER
from newel.jose import base64url

HTTP_01 = "http-01"
DNS_01 = "dns-01"
TLS_ALPN_01 = "tls-alpn-01"
DEVICE_ATTEST_01 = "device-attest-01"
DNS_ACCOUNT_01 = "dns-account-01"
"""draft-ietf-acme-dns-account-label: dns-01 under a label of the account's own."""
DNS_PERSIST_01 = "dns-persist-01"
"""draft-ietf-acme-dns-persist: a record that stays, and names the authority and the account."""

HTTP_PREFIX = "/.well-known/acme-challenge/"
DNS_LABEL = "_acme-challenge"
PERSIST_LABEL = "_validation-persist"

_IN_DNS = (DNS_01, DNS_ACCOUNT_01, DNS_PERSIST_01)


def key_authorization(token: str, thumbprint: bytes) -> str:
    """Return ``token.thumbprint`` (RFC 8555 §8.1), the thumbprint being the account key's 32 octets."""
    return f"{token}.{base64url.encode(thumbprint)}"


def http_path(token: str) -> str:
    """Return the path that an http-01 answer is fetched from (§8.3)."""
    return HTTP_PREFIX + token


def is_http_answer(body: bytes, expected: str) -> bool:
    """Tell whether a body is the whole key authorization; white space may trail (§8.3)."""
    return hmac.compare_digest(body.rstrip(b" \t\r\n"), expected.encode())


def dns_name(domain: str) -> str:
    """Return the name whose TXT records answer dns-01 (§8.4)."""
    return f"{DNS_LABEL}.{domain}"


def account_dns_name(domain: str, account_url: str) -> str:
    """Return the name whose TXT records answer dns-account-01: ten octets of the URL's SHA-256 in its label."""
    start = hashlib.sha256(account_url.encode()).digest()[:10]
    return f"_{base64.b32encode(start).decode().lower()}.{dns_name(domain)}"


def persist_name(domain: str) -> str:
    """Return the name whose TXT records answer dns-persist-01."""
    return f"{PERSIST_LABEL}.{domain}"


def dns_value(authorization: str) -> str:
    """Return the TXT value of dns-01: base64url of the key authorization's SHA-256."""
    return base64url.encode(digest(authorization))


def digest(authorization: str) -> bytes:
    """Return the key authorization's SHA-256 (32 octets): what dns-01 and tls-alpn-01 publish."""
    return hashlib.sha256(authorization.encode()).digest()


def challenge_types(identifier_type: str, *, wildcard: bool) -> tuple[str, ...]:
    """Return the challenge types that can prove an identifier.

    Wildcards are proven by DNS only, since only the zone shows control of every name in it;
    addresses never are (RFC 8738 §7). Devices are proven by attestations only.
    """
    if identifier_type == PERMANENT_IDENTIFIER:
        return (DEVICE_ATTEST_01,)
    if wildcard:
        return _IN_DNS
    if identifier_type == "ip":
        return (HTTP_01, TLS_ALPN_01)
    return (HTTP_01, DNS_01, TLS_ALPN_01, DNS_ACCOUNT_01, DNS_PERSIST_01)
