"""Requests to the issuing authority and its results, as values; ``rpc.py`` knows the wire."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import MUST_STAPLE, TLS_FEATURE, Extension
from newel.crypto.names import GeneralName
from newel.runtime.errors import ErrorType, NewelError

if TYPE_CHECKING:
    from newel.certtemplates.leaves import TemplateOutput


class ProvisionerRef(msgspec.Struct, frozen=True):
    """A provisioner as the issuing authority records it and writes it into the step extension."""

    type: str = ""
    name: str = ""
    credential_id: str = ""
    key_values: tuple[tuple[str, str], ...] = ()
    renewable: bool = False
    hide_extension: bool = False


class IssueRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate to issue. The same idempotency key always yields the same certificate."""

    idempotency_key: bytes
    public_key: bytes
    """DER SubjectPublicKeyInfo whose possession was proved."""
    provisioner: ProvisionerRef
    profile: str = ""
    subject: tuple[Attribute, ...] = ()
    names: tuple[GeneralName, ...] = ()
    not_before: dt.datetime | None = None
    """None: now, backdated by the issuing authority's own clock."""
    not_after: dt.datetime | None = None
    """None: after ``default_duration``."""
    default_duration: dt.timedelta | None = None
    key_usages: tuple[str, ...] = ()
    extended_key_usages: tuple[str, ...] = ()
    extensions: tuple[Extension, ...] = ()
    subject_of_proof: str = ""
    """Whom the provisioner proved: a token's subject, an account's path."""
    replaces: bytes = b""
    """The serial of its predecessor, whose lineage it continues, revoked or not."""
    request_id: str = ""


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate to renew; the issuing authority compares it with its record."""

    idempotency_key: bytes
    certificate: bytes
    public_key: bytes = b""
    """Given for a rekey; empty: the same key."""
    allow_expired: bool
    max_duration: dt.timedelta
    provisioner: ProvisionerRef
    request_id: str = ""


class RevocationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate to revoke, named by its serial or by its DER."""

    serial: bytes = b""
    certificate: bytes = b""
    reason: int
    reason_text: str = ""
    active: bool
    """Whether OCSP and the CRL show it; otherwise renewal alone is refused."""
    actor: str
    provisioner: str
    request_id: str = ""


class KeyBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is declared compromised, by the SHA-256 of its SubjectPublicKeyInfo."""

    digest: bytes
    reason_text: str = ""
    active: bool
    """Whether OCSP and the CRL show what is revoked because of it."""
    actor: str
    request_id: str = ""


class IssuedCertificate(msgspec.Struct, frozen=True):
    """A new certificate and the id of its issuer."""

    der: bytes
    serial: bytes
    issuer: str


class CertificateRecord(msgspec.Struct, frozen=True):
    """A certificate, and the part of its record that decides who may renew, replace or revoke it."""

    provisioner: ProvisionerRef
    subject_of_proof: str
    is_revoked: bool = False
    """Whether it was revoked, actively or only against renewal."""
    der: bytes = b""
    issuer: str = ""
    issued_at: dt.datetime = dt.datetime.fromtimestamp(0, dt.UTC)


class IssuerRecord(msgspec.Struct, frozen=True):
    """An issuer: its chain (DER, the issuer first, without the root) and its root."""

    id: str
    chain: tuple[bytes, ...]
    root: bytes
    active: bool


class Issuance(Protocol):
    """The issuing authority. Its methods raise NewelError."""

    async def issue(self, request: IssueRequest) -> IssuedCertificate:
        """Issue a certificate."""
        ...

    async def renew(self, renewal: Renewal) -> IssuedCertificate:
        """Issue the successor of a certificate."""
        ...

    async def revoke(self, request: RevocationRequest) -> None:
        """Revoke one certificate."""
        ...

    async def find(self, *, serial: bytes = b"", der: bytes = b"") -> CertificateRecord | None:
        """Read the record of a certificate, by its serial or octet by octet."""
        ...

    async def is_blocked(self, public_key: bytes) -> bool:
        """Whether a key (DER SubjectPublicKeyInfo) was declared compromised."""
        ...

    async def block_key(self, block: KeyBlock) -> bool:
        """Block a key, and revoke what is on it; False when it was blocked before."""
        ...

    async def issuers(self) -> Sequence[IssuerRecord]:
        """List every issuer with its chain and root."""
        ...


def add_must_staple(request: IssueRequest, requested: Iterable[Extension]) -> IssueRequest:
    """Add the TLS feature extension (RFC 7633) if the certification request asks for it.

    Raises ``badCSR`` for TLS features other than status_request.
    """
    for each in requested:
        if each.oid != TLS_FEATURE:
            continue
        if each.value != MUST_STAPLE.value:
            raise NewelError(
                ErrorType.BAD_CSR, "of the TLS features only status_request (5) is given here"
            )
        if all(given.oid != TLS_FEATURE for given in request.extensions):
            feature = Extension(TLS_FEATURE, False, each.value)
            return msgspec.structs.replace(request, extensions=(*request.extensions, feature))
    return request


def apply_template(request: IssueRequest, output: "TemplateOutput") -> IssueRequest:
    """Replace the subject, names, usages and extensions by a template's."""
    return msgspec.structs.replace(
        request,
        subject=tuple(Attribute(each.oid, each.text) for each in output.subject),
        names=output.names,
        key_usages=output.key_usages,
        extended_key_usages=output.purposes,
        extensions=output.extensions,
    )
