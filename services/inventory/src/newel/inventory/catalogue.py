"""Certificates and endpoints as administrators see them."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from newel.inventory import certificate


class CertificateState(StrEnum):
    """``active`` is neither expired nor revoked."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class CertificateType(StrEnum):
    """X.509, or SSH of a user or a host."""

    X509 = certificate.X509
    SSH_USER = certificate.SSH_USER
    SSH_HOST = certificate.SSH_HOST


class EndpointState(StrEnum):
    """``ended`` has no active certificate; the last one of ``expiring`` is late for renewal."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """One certificate of the catalogue."""

    serial: bytes
    issuer: str
    endpoint: str
    common_name: str
    names: tuple[str, ...]  # "dns:a.example" …
    provisioner: str
    provisioner_type: str
    proof: str  # the subject that the provisioner proved
    not_before: dt.datetime
    not_after: dt.datetime
    issued_at: dt.datetime
    renewed_from: bytes | None
    fingerprint: bytes  # SHA-256 of the DER
    revoked_at: dt.datetime | None
    reason: int | None  # RFC 5280 §5.3.1
    revoked_actively: bool | None
    type: str
    key_digest: (
        bytes | None
    )  # SHA-256 of the SubjectPublicKeyInfo; empty or None where it was not read

    def state(self, now: dt.datetime) -> CertificateState:
        """Return the state at a time."""
        if self.revoked_at is not None:
            return CertificateState.REVOKED
        return CertificateState.EXPIRED if self.not_after < now else CertificateState.ACTIVE


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """One endpoint of the catalogue."""

    id: str
    common_name: str
    names: tuple[str, ...]
    provisioner: str
    provisioner_type: str
    opened_at: dt.datetime
    last_serial: bytes | None  # of the certificate that expires last of those not revoked
    last_not_after: dt.datetime | None  # None: every certificate is revoked
    is_warned: bool  # reported as expiring, and nothing followed yet
    type: str

    def state(self, now: dt.datetime) -> EndpointState:
        """Return the state at a time."""
        if self.last_not_after is None or self.last_not_after < now:
            return EndpointState.ENDED
        return EndpointState.EXPIRING if self.is_warned else EndpointState.ACTIVE


class KeyOwner(NamedTuple):
    """Whose certificates on a key are at one endpoint, and how many of them are active."""

    endpoint: str
    common_name: str
    provisioner: str
    proof: str  # the subject that the provisioner proved
    active: int


class KeyUse(NamedTuple):
    """The certificates on one key by state, and at which endpoints they are."""

    active: int
    expired: int
    revoked: int
    endpoints: int
    owners: tuple[KeyOwner, ...]
