"""Requests for SSH certificates to the issuing authority, as values; ``ssh_rpc.py`` knows the wire."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from newel.registration.issuance import IssuedCertificate, ProvisionerRef, RevocationRequest

SSHType: TypeAlias = Literal["user", "host"]
_NONE: Mapping[str, str] = {}


class SSHIssueRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate to issue. The same idempotency key always yields the same certificate."""

    idempotency_key: bytes
    type: SSHType
    public_key: bytes
    """In wire form, RFC 4253 §6.6."""
    key_id: str
    principals: Sequence[str]
    valid_after: dt.datetime
    valid_before: dt.datetime
    critical_options: Mapping[str, str] = _NONE
    extensions: Mapping[str, str] = _NONE
    provisioner: ProvisionerRef
    subject_of_proof: str = ""
    renewed_from: int | None = None
    """The serial number of the certificate that it renews."""
    request_id: str = ""


class SSHRecord(msgspec.Struct, frozen=True):
    """A certificate on record, and whether it is revoked."""

    certificate: bytes
    provisioner: ProvisionerRef
    is_revoked: bool


class SSHIssuerRecord(msgspec.Struct, frozen=True):
    """An SSH issuer: what it certifies, and its public key in wire form."""

    type: SSHType
    public_key: bytes
    active: bool


class SSHIssuance(Protocol):
    """The issuing authority. Its methods raise NewelError."""

    async def issue(self, request: SSHIssueRequest) -> IssuedCertificate:
        """Issue a certificate, whose ``der`` is in wire form."""
        ...

    async def revoke(self, request: RevocationRequest) -> None:
        """Revoke one certificate, named by its serial of eight octets."""
        ...

    async def find(self, serial: int) -> SSHRecord | None:
        """Read the record of a certificate."""
        ...

    async def issuers(self) -> Sequence[SSHIssuerRecord]:
        """List every issuer, those included that are only trusted still."""
        ...
