"""Revocations of SSH certificates and the published list, as values; the interface of their store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class SSHRevocation(NamedTuple):
    """An active revocation. ``not_after`` is seconds since 1970."""

    issuer: str
    serial: bytes
    """Eight octets, big-endian."""
    not_after: int


@dataclass(frozen=True, slots=True)
class KRLFacts:
    """What there is to know of a list without its octets, which may be millions."""

    number: int
    """The version in the list: it only grows."""
    made_at: int
    """Seconds since 1970."""
    change: int
    """It has every revocation up to this count of the store."""
    signed: bool
    """Whether there is a signature of it."""


@dataclass(frozen=True, slots=True)
class PublishedKRL(KRLFacts):
    """One list."""

    octets: bytes
    signature: bytes
    """A file for ``ssh-keygen -Y verify``; empty: none."""


class SSHRevocationStore(Protocol):
    """The store of revocations and lists. Every method that writes is idempotent."""

    async def record_issuers(self, keys: Mapping[str, bytes]) -> None:
        """Record the CAs' public keys, in wire form, by the issuers' ids."""
        ...

    async def issuers(self) -> Mapping[str, bytes]:
        """Read the CAs' public keys by the issuers' ids."""
        ...

    async def record_absence(self, now: int) -> None:
        """Record when the issuing authority said that it has no CA for SSH."""
        ...

    async def is_absent(self, since: int) -> bool:
        """Tell whether it has said so since a time, and no CA was ever known."""
        ...

    async def record(self, revoked: Sequence[SSHRevocation]) -> None:
        """Record revocations; the count grows when one of them is new."""
        ...

    async def change(self) -> int:
        """Read the count of recorded batches."""
        ...

    async def cursor(self) -> int:
        """Read how far the issuing authority's list was read."""
        ...

    async def advance(self, position: int) -> None:
        """Move the cursor; it never goes back."""
        ...

    async def serials(self, not_expired_at: int) -> Mapping[str, Sequence[int]]:
        """Read the revoked serial numbers of certificates that end at that time or later, by issuer."""
        ...

    async def publish(self, krl: PublishedKRL) -> bool:
        """Store a list and forget those before it; False when its number is taken."""
        ...

    async def latest_facts(self) -> KRLFacts | None:
        """Return what there is to know of the newest list; workers ask every second."""
        ...

    async def latest(self) -> PublishedKRL | None:
        """Return the newest list."""
        ...

    async def sweep(self, expired_before: int, limit: int) -> None:
        """Delete up to ``limit`` revocations of certificates that ended before that time."""
        ...
