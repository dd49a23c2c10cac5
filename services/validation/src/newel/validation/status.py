"""Certificate statuses as values, and the interfaces of the store that keeps them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class CertificateKey(NamedTuple):
    """What identifies a certificate: its issuer's id and its serial number."""

    issuer: str  # see newel.crypto.certificate.issuer_id
    serial: bytes  # big-endian, no leading zero octet: see :func:`canonical_serial`


def canonical_serial(serial: bytes) -> bytes:
    """Return a serial number's octets without the zero that DER puts before a high bit.

    Events, the repository and OCSP requests need not agree about that octet; the store's key does.
    """
    return serial.lstrip(b"\0")


class IssuedCertificate(NamedTuple):
    """A certificate that exists."""

    key: CertificateKey
    not_after: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Revocation:
    """A published revocation. Times in seconds since 1970."""

    key: CertificateKey
    not_after: int
    revoked_at: int
    reason: int  # CRLReason, RFC 5280 §5.3.1
    entry: bytes  # its DER entry in revokedCertificates


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a certificate that was issued. Times in seconds since 1970."""

    not_after: int
    revoked_at: int | None
    reason: int | None

    @property
    def is_revoked(self) -> bool:
        """Whether it is revoked."""
        return self.revoked_at is not None


@dataclass(frozen=True, slots=True)
class Counters:
    """How far the store has come: every worker reads them several times a second."""

    change: int  # grows with every batch of revocations; rows carry the value they changed at
    crl: int  # grows with every published CRL
    agreed: int  # when the issuing authority's revocations were last compared; seconds since 1970


class Period(NamedTuple):
    """When statuses were known to be correct, and until when they hold: seconds since 1970."""

    this_update: int
    next_update: int


class Freshness(Protocol):
    """What says how recent all statuses are."""

    agreed: int  # when they last agreed with the issuing authority's, seconds since 1970


class EntryPage(NamedTuple):
    """Some of the entries of a list."""

    entries: int
    octets: bytes  # one encoded entry after the other
    last: bytes  # the serial number of the last one


class StatusReader(Protocol):
    """The part of the store that answers OCSP requests."""

    async def status(self, key: CertificateKey) -> Status | None:
        """Read the status of one certificate; None when no such certificate was issued."""
        ...

    async def counters(self) -> Counters:
        """Read the counters."""
        ...

    async def changed_since(self, change: int, limit: int) -> list[CertificateKey]:
        """List up to ``limit`` certificates whose status changed past that count."""
        ...


class StatusWriter(Protocol):
    """The part of the store that records statuses. Every method is idempotent, in any order."""

    async def record_issued(self, issued: Sequence[IssuedCertificate]) -> None:
        """Record that these exist; a status that is known stays as it is."""
        ...

    async def record_revoked(self, revoked: Sequence[Revocation]) -> None:
        """Record these revocations, whether their certificates are known or not.

        An earlier one stays, unless this one is the first to call the key compromised.
        """
        ...

    async def find_unrecorded(self, revoked: Sequence[Revocation]) -> list[Revocation]:
        """Return those that the store does not know, or not as key compromise."""
        ...

    async def cursor(self, name: str) -> int:
        """Read how far a list of the issuing authority was read."""
        ...

    async def advance(self, name: str, position: int) -> None:
        """Move a cursor; it never goes back."""
        ...

    async def note_agreement(self, at: int) -> None:
        """Record when the store agreed with the issuing authority, by the current clock."""
        ...

    async def sweep(self, expired_before: int, limit: int) -> None:
        """Delete up to ``limit`` certificates that expired before that time."""
        ...


class RevokedReader(Protocol):
    """The part of the store that CRLs are made from."""

    async def counters(self) -> Counters:
        """Read the counters."""
        ...

    async def changed_buckets(self, after: int) -> list[tuple[str, int, int]]:
        """List issuer, bucket and latest count of where certificates were revoked past a count.

        A bucket is that of :func:`newel.crypto.crl_shards.bucket`.
        """
        ...

    def entries(
        self, issuer: str, buckets: tuple[int, int], not_expired_at: int
    ) -> AsyncIterator[EntryPage]:
        """List the revokedCertificates entries of an issuer, page by page, each bucket by serial number.

        All buckets together are in one order of serial numbers.
        """
        ...

    async def changed_since(self, change: int, limit: int) -> list[CertificateKey]:
        """List up to ``limit`` certificates whose status changed past that count."""
        ...

    async def list_expired(self, begin: int, end: int, limit: int) -> list[CertificateKey]:
        """List up to ``limit`` revoked certificates that expired from ``begin`` on, before ``end``."""
        ...

    async def entries_between(
        self, issuer: str, ranges: Sequence[tuple[bytes, bytes]], not_expired_at: int
    ) -> list[list[EntryPage]]:
        """List the pages of each range: past its first serial number, up to and with its second."""
        ...

    def changed_entries(
        self, issuer: str, buckets: tuple[int, int], not_expired_at: int, after: int
    ) -> AsyncIterator[EntryPage]:
        """List those that changed past a count, in the order of their changes, page by page."""
        ...
