"""What is known of certificates: the values, and what the rest of the service asks of their store."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class CertificateKey(NamedTuple):
    """Which certificate: its issuer's id and its serial number."""

    issuer: str  # first 16 hex digits of SHA-256 of the issuer certificate's DER
    serial: bytes  # big-endian, no leading zero octet: see :func:`canonical_serial`


def canonical_serial(serial: bytes) -> bytes:
    """A serial number's octets without the zero that DER puts before a high bit.

    Events, the repository and OCSP requests need not agree about that octet; the store's key does.
    """
    return serial.lstrip(b"\0")


class Issued(NamedTuple):
    """A certificate exists."""

    key: CertificateKey
    not_after: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate is revoked, for everybody to see."""

    key: CertificateKey
    not_after: int  # seconds since 1970
    revoked_at: int  # seconds since 1970
    reason: int  # CRLReason, RFC 5280 §5.3.1
    entry: bytes  # its DER entry in revokedCertificates


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of one certificate that was issued."""

    not_after: int
    revoked_at: int | None
    reason: int | None

    @property
    def is_revoked(self) -> bool:
        """Whether it is."""
        return self.revoked_at is not None


@dataclass(frozen=True, slots=True)
class Marks:
    """How far the store has come: what every worker looks at several times a second."""

    change: int  # grows with every batch of revocations; rows carry the value they changed at
    crl: int  # grows with every published CRL
    agreed: int  # when the issuing authority's revocations were last compared; seconds since 1970


class StatusReader(Protocol):
    """What answering asks of the store."""

    async def status(self, key: CertificateKey) -> Status | None:
        """What is known of one certificate; None when no such certificate was issued."""
        ...

    async def marks(self) -> Marks:
        """The counters as of now."""
        ...

    async def changed_since(self, change: int, limit: int) -> list[CertificateKey]:
        """Up to ``limit`` certificates whose status changed past that mark."""
        ...


class StatusWriter(Protocol):
    """What learning asks of the store. Every method is idempotent; order does not matter."""

    async def record_issued(self, issued: Sequence[Issued]) -> None:
        """Writes down that these exist; what is already known stays as it is."""
        ...

    async def record_revoked(self, revoked: Sequence[Revocation]) -> None:
        """Writes down these revocations, known certificates or not; an earlier one stays, unless
        this one is the first to call the key compromised.
        """
        ...

    async def unrecorded(self, revoked: Sequence[Revocation]) -> list[Revocation]:
        """Those of the list that the store does not know, or not as key compromise."""
        ...

    async def cursor(self, name: str) -> int:
        """How far a list of the issuing authority was read."""
        ...

    async def advance(self, name: str, position: int) -> None:
        """Moves a cursor; it never goes back."""
        ...

    async def note_agreement(self, at: int) -> None:
        """Writes down when the store agreed with the issuing authority, by the clock as it is now."""
        ...

    async def sweep(self, expired_before: int, limit: int) -> None:
        """Forgets up to ``limit`` certificates that expired before that time."""
        ...


class RevokedReader(Protocol):
    """What a CRL asks of the store."""

    async def marks(self) -> Marks:
        """The counters as of now."""
        ...

    async def last_change(self, issuer: str, after: int) -> int | None:
        """The highest mark past ``after`` at which a certificate of this issuer was revoked."""
        ...

    def entries(self, issuer: str, not_expired_at: int) -> AsyncIterator[list[bytes]]:
        """The encoded revokedCertificates entries of an issuer, by serial, page by page."""
        ...
