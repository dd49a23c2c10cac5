"""The values of step-ca's tables as records of this authority. Whatever is wrong with one raises ValueError."""

import datetime as dt
from typing import Any

import msgspec
from cryptography import x509

from newel.crypto import loading, pem
from newel.issuing.app import ForeignCertificate, ForeignRevocation
from newel.jose import base64url
from newel.registration.app import foreign, foreign_uses
from newel.step import extension
from newel.step.extension import ProvisionerExtension


class ProvisionerData(msgspec.Struct):
    """Which provisioner admitted a certificate, as step-ca wrote it down beside it."""

    id: str = ""
    name: str = ""
    type: str = ""


class CertificateData(msgspec.Struct):
    """A value of ``x509_certs_data``."""

    provisioner: ProvisionerData | None = None


class RevokedCertificate(msgspec.Struct, rename="pascal"):
    """A value of ``revoked_x509_certs``. Its names are those of Go's fields."""

    serial: str
    provisioner_id: str = msgspec.field(default="", name="ProvisionerID")
    reason_code: int = 0
    reason: str = ""
    revoked_at: str = ""
    expires_at: str = ""


class Account(msgspec.Struct, rename="camel"):
    """A value of ``acme_accounts``."""

    id: str
    key: dict[str, Any]
    contact: list[str] | None = None
    status: str = "valid"
    provisioner_id: str = msgspec.field(default="", name="provisionerID")
    provisioner_name: str = ""
    created_at: str = ""


class ACMECertificate(msgspec.Struct, rename="camel"):
    """A value of ``acme_certs``."""

    account_id: str = msgspec.field(default="", name="accountID")
    leaf: bytes = b""


class ExternalKey(msgspec.Struct, rename="camel"):
    """A value of ``acme_external_account_keys``."""

    id: str
    provisioner_id: str = msgspec.field(default="", name="provisionerID")
    reference: str = ""
    account_id: str = msgspec.field(default="", name="accountID")
    key: bytes | None = None
    created_at: str = ""
    bound_at: str = ""


class ProvisionerName(msgspec.Struct):
    """A value of ``provisioners``, as far as others refer to it."""

    id: str
    name: str


def read_certificate(der: bytes, data: bytes | None) -> ForeignCertificate:
    """Read a certificate and its provisioner: from its extension, else from what is written beside it."""
    parsed = loading.load_certificate(der)
    try:
        value = loading.read_extensions(parsed).get_extension_for_oid(
            x509.ObjectIdentifier(extension.OID)
        )
    except x509.ExtensionNotFound:
        return _read_data(der, data)
    if not isinstance(value.value, x509.UnrecognizedExtension):
        return _read_data(der, data)
    found = ProvisionerExtension.decode(value.value.value)
    return ForeignCertificate(
        der, found.type.name, found.name, found.credential_id, tuple(sorted(found.key_values))
    )


def _read_data(der: bytes, data: bytes | None) -> ForeignCertificate:
    known = msgspec.json.decode(data, type=CertificateData).provisioner if data else None
    if known is None:
        return ForeignCertificate(der)
    # the id of a JWK provisioner is its name and the id of its key
    credential = known.id.removeprefix(f"{known.name}:") if known.type == "JWK" else ""
    return ForeignCertificate(der, known.type, known.name, credential)


def read_revocation(value: bytes) -> ForeignRevocation:
    """Read a revocation."""
    found = msgspec.json.decode(value, type=RevokedCertificate)
    if not found.serial.isascii() or not found.serial.isdecimal() or len(found.serial) > 60:
        raise ValueError(f"{found.serial[:64]!r} is no serial number")
    revoked_at = read_time(found.revoked_at)
    if revoked_at is None:
        raise ValueError("it has no date")
    return ForeignRevocation(
        int(found.serial), revoked_at, found.reason_code, found.provisioner_id, found.reason,
        read_time(found.expires_at),
    )  # fmt: skip # a record


def read_account(value: bytes) -> foreign.ForeignAccount:
    """Read an ACME account."""
    found = msgspec.json.decode(value, type=Account)
    name = found.provisioner_name or found.provisioner_id.removeprefix("acme/")
    if not name:
        raise ValueError("it has no provisioner")
    return foreign.ForeignAccount(
        found.id,
        name,
        found.key,
        tuple(found.contact or ()),
        found.status,
        _require_time(found.created_at),
    )


def read_acme_certificate(value: bytes) -> tuple[int, str]:
    """Read the serial number of an ACME certificate and the id of the account that ordered it."""
    found = msgspec.json.decode(value, type=ACMECertificate)
    ders = pem.decode_all(found.leaf)
    if not ders or not found.account_id:
        raise ValueError("it has no certificate, or no account")
    return loading.load_certificate(ders[0]).serial_number, found.account_id


def read_external_key(value: bytes, provisioners: dict[str, str]) -> foreign.ForeignExternalKey:
    """Read an external account key; ``provisioners`` has names by ids."""
    found = msgspec.json.decode(value, type=ExternalKey)
    known = found.provisioner_id
    name = provisioners.get(known) or known.removeprefix("acme/")
    return foreign.ForeignExternalKey(
        found.id, name, found.reference, found.key or b"", found.account_id,
        _require_time(found.created_at), read_time(found.bound_at),
    )  # fmt: skip # a record


def read_name(value: bytes) -> tuple[str, str]:
    """Read the id and the name of a provisioner in the database."""
    found = msgspec.json.decode(value, type=ProvisionerName)
    return found.id, found.name


def read_first_use(token_id: bytes, value: bytes) -> bytes | None:
    """Read the first use of a cloud's instance from a used token, or from its claims; None for others."""
    if not value.startswith(b"{"):
        value = base64url.decode(value.split(b".")[1] if value.count(b".") == 2 else b"")
    return foreign_uses.read_first_use(token_id.decode(), value)


class _HostPrincipal(msgspec.Struct):
    """A value of ``ssh_host_principals``. Its names are those of Go's fields."""

    end: int = msgspec.field(name="Expiry")


_host_principal = msgspec.json.Decoder(_HostPrincipal)


def read_host(name: bytes, value: bytes) -> tuple[str, int]:
    """Read the name of a host with an SSH certificate, and its end in seconds since 1970."""
    host = name.decode()
    if not host or not host.isprintable():
        raise ValueError("it is no name of a host")
    # no end is the largest number of 64 bits (PROTOCOL.certkeys); a column of a database holds 63
    return host, min(_host_principal.decode(value).end, 2**63 - 1)


def read_time(text: str) -> dt.datetime | None:
    """Read a time of Go's; None for its zero, which stands for none."""
    if not text or text.startswith("0001-"):
        return None
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def _require_time(text: str) -> dt.datetime:
    found = read_time(text)
    if found is None:
        raise ValueError("it has no date")
    return found
