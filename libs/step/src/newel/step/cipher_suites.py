"""The cipher suites of ``tls.cipherSuites``: names of the IANA registry, and OpenSSL's names of the same.

Those of TLS 1.3 are always offered, as Go's servers do; the list is about TLS 1.2.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

TLS_1_3 = frozenset(
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
)

ECDSA: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""The suites that this server's own key can use."""

RSA = frozenset(name.replace("_ECDSA_", "_RSA_") for name in ECDSA)
"""Suites for clients whose servers have RSA keys: they are told to clients and otherwise unused."""


def problem(value: Any) -> str:
    """Return why a list of suites cannot be served, or ""."""
    if value is None:
        return ""
    if not isinstance(value, list):
        return "it is not a list"
    names = cast("list[Any]", value)
    if names and not any(name in ECDSA or name in TLS_1_3 for name in names):
        return "this server's key is ECDSA; at least one suite has to be for such a key"
    return ""


def item_problem(name: Any) -> str:
    """Return why a suite is none that is served, or ""."""
    if name in ECDSA or name in RSA or name in TLS_1_3:
        return ""
    return (
        f"{name!r}: only suites with forward secrecy and AES or ChaCha20 are served, by their names in"
        " the IANA registry"
    )


def to_openssl(names: Iterable[str]) -> tuple[str, ...]:
    """Return OpenSSL's names of the suites that this server's key can use with TLS 1.2, in order."""
    return tuple(dict.fromkeys(ECDSA[name] for name in names if name in ECDSA))
