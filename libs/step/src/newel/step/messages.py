"""The bodies of the step API in both directions. Absent, ``null`` and ``""`` mean the same."""

from typing import Any

import msgspec


class SignRequest(msgspec.Struct, omit_defaults=True, rename="camel"):
    """``POST /sign``. Times are RFC 3339 or a Go duration."""

    csr: str | None = ""
    ott: str | None = ""
    not_after: str | None = ""
    not_before: str | None = ""
    template_data: msgspec.Raw = msgspec.Raw(b"")


class RekeyRequest(msgspec.Struct, omit_defaults=True):
    """``POST /rekey``: of the request only the public key is used."""

    csr: str | None = ""


class RevokeRequest(msgspec.Struct, omit_defaults=True, rename="camel"):
    """``POST /revoke``. The serial is decimal, or hexadecimal after ``0x``."""

    serial: str | None = ""
    ott: str | None = ""
    reason_code: int | None = 0
    reason: str | None = ""
    passive: bool | None = False


class TLSOptions(msgspec.Struct, rename="camel"):
    """The TLS settings that the authority recommends to clients; also the ``tls`` section of ca.json."""

    cipher_suites: list[str] | None = msgspec.field(
        default_factory=lambda: [
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ]
    )
    min_version: float = 1.2
    max_version: float = 1.3
    renegotiation: bool = False


class SignResponse(msgspec.Struct, rename="camel"):
    """201 of sign, renew and rekey. PEM each; the root is never in the chain."""

    crt: str
    ca: str
    cert_chain: list[str]
    tls_options: TLSOptions | None = None


class StatusResponse(msgspec.Struct):
    """``/health`` and ``/revoke``."""

    status: str = "ok"


class VersionResponse(msgspec.Struct, omit_defaults=True, rename="camel"):
    """``/version``."""

    version: str
    require_client_authentication: bool = False


class RootResponse(msgspec.Struct):
    """``/root/{sha}``: PEM."""

    ca: str


class CertificatesResponse(msgspec.Struct):
    """``/roots``, ``/federation``, ``/intermediates``: PEM each."""

    crts: list[str]


class ProvisionersResponse(msgspec.Struct, rename="camel"):
    """One page of provisioners in ca.json's shape; ``next_cursor`` is ``""`` on the last."""

    provisioners: list[dict[str, Any]] | None
    next_cursor: str = ""


class ProvisionerKeyResponse(msgspec.Struct):
    """``/provisioners/{kid}/encrypted-key``: a compact JWE."""

    key: str


class ErrorResponse(msgspec.Struct):
    """Every error."""

    status: int
    message: str
