"""Requests and responses of the SSH half of the step API. Keys and certificates are base64 of their wire form."""

from typing import Any

import msgspec


class SSHSignRequest(msgspec.Struct, rename="camel"):
    """``POST /ssh/sign``."""

    public_key: str | None = ""
    ott: str | None = ""
    cert_type: str | None = ""
    key_id: str | None = msgspec.field(default="", name="keyID")
    principals: list[str] | None = None
    valid_after: str | None = ""
    valid_before: str | None = ""
    add_user_public_key: str | None = ""
    identity_csr: str | None = msgspec.field(default="", name="identityCSR")
    """PEM."""
    template_data: msgspec.Raw = msgspec.Raw(b"")


class SSHRenewRequest(msgspec.Struct, rename="camel"):
    """``POST /ssh/renew`` and, with a key, ``POST /ssh/rekey``."""

    ott: str | None = ""
    public_key: str | None = ""


class SSHRevokeRequest(msgspec.Struct, rename="camel"):
    """``POST /ssh/revoke``."""

    serial: str | None = ""
    ott: str | None = ""
    reason_code: int | None = 0
    reason: str | None = ""
    passive: bool | None = False


class SSHCertificateResponse(msgspec.Struct, omit_defaults=True, rename="camel"):
    """201 of sign, renew and rekey."""

    crt: str
    add_user_crt: str = ""
    identity_crt: list[str] = []
    """PEM, the leaf first."""


class SSHKeysResponse(msgspec.Struct, omit_defaults=True, rename="camel"):
    """``/ssh/roots`` and ``/ssh/federation``."""

    user_key: list[str] = []
    host_key: list[str] = []


class SSHConfigRequest(msgspec.Struct):
    """``POST /ssh/config``."""

    type: str | None = ""
    data: dict[str, Any] | None = None


class SSHCheckHostRequest(msgspec.Struct):
    """``POST /ssh/check-host``."""

    type: str | None = ""
    principal: str | None = ""
    token: str | None = ""


class SSHBastionRequest(msgspec.Struct):
    """``POST /ssh/bastion``."""

    user: str | None = ""
    hostname: str | None = ""
