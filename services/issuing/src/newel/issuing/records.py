"""What the issuing authority records, and the store that it records it in."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from newel.crypto import serials
from newel.issuing.requests import Provisioner


def serial_octets(number: int) -> bytes:
    """Return a serial number as records have it: without the zero that DER puts before a high bit.

    Raises ValueError for what is no serial number (RFC 5280 §4.1.2.2).
    """
    return serials.from_int(number).lstrip(b"\0")


class Intent(NamedTuple):
    """A certificate as it will be signed, recorded before it is.

    The last three fields serve the process that has the intent signed, and are not stored.
    """

    idempotency_key: bytes
    serial: bytes
    issuer: str
    profile: str
    tbs: bytes
    not_after: dt.datetime
    key_digest: bytes
    provisioner: Provisioner
    subject_of_proof: str
    renewed_from: bytes | None
    created_at: dt.datetime
    max_signature_size: int = 0
    request_id: str = ""
    proved_by: bytes | None = None
    """The serial of the certificate that proved the request, which must not be revoked."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate's revocation. ``active`` ones are published, others only stop renewal."""

    serial: bytes
    issuer: str
    revoked_at: dt.datetime
    reason: int
    active: bool
    not_after: dt.datetime
    position: int = 0


@dataclass(frozen=True, slots=True)
class RevocationEntry:
    """A revocation to be written, with the facts that explain it."""

    revocation: Revocation
    actor: str
    provisioner: str
    reason_text: str
    request_id: str
    recorded_at: dt.datetime
    blocked_key: bytes | None = None  # the digest of a key that must never be certified again


@dataclass(frozen=True, slots=True)
class Record:
    """A stored row: the intent, its signature once there is one, and its revocation."""

    position: int
    intent: Intent
    signature: bytes | None
    closed: bool
    revocation: Revocation | None

    @property
    def is_open(self) -> bool:
        """Whether it is neither signed nor closed: in progress, or left behind by a crash."""
        return self.signature is None and not self.closed


class SignedIntent(NamedTuple):
    """An intent, its signature and the certificate that they make."""

    intent: Intent
    signature: bytes
    der: bytes


class BlockedKey(NamedTuple):
    """A key that is blocked, by whom and why."""

    digest: bytes
    cause: str
    active: bool
    actor: str
    declared_at: dt.datetime


class CertificateStore(Protocol):
    """Certificates, revocations and blocked keys. Every write is durable when it returns.

    Writes that other services hear of publish their event in the same transaction.
    """

    async def reserve(self, intents: Sequence[Intent]) -> list[bool]:
        """Record intents, each by itself.

        False, and nothing is written, where the idempotency key or the serial is taken, the public
        key is blocked, or the certificate that proved the request is revoked or on a blocked key.
        """
        ...

    async def complete(self, signed: Sequence[SignedIntent]) -> list[bool]:
        """Store the signatures of open intents, each by itself.

        False where the intent is no longer open: another process completed or closed it.
        """
        ...

    async def close(self, serial: bytes, at: dt.datetime, *, release: bool) -> bool:
        """Close an open intent unsigned; ``release`` frees its idempotency key. False if not open."""
        ...

    async def by_key(self, keys: Sequence[bytes]) -> list[Record | None]:
        """Find records by idempotency key, in order."""
        ...

    async def by_serial(self, serials: Sequence[bytes]) -> list[Record | None]:
        """Find records by serial, in order."""
        ...

    async def is_blocked(self, key_digest: bytes) -> bool:
        """Whether this public key must never be certified again."""
        ...

    async def revoke(self, entry: RevocationEntry, before: int | None) -> bool:
        """Write a revocation and block its key.

        ``before`` is the position of the revocation that it replaces, None where there is none yet.
        False, and nothing is written, when another process was faster.
        """
        ...

    async def abandon(self, entry: RevocationEntry) -> bool:
        """Close an open intent and revoke its serial. False if it is not open."""
        ...

    async def list_issued(self, after: int, limit: int, now: dt.datetime) -> list[Record]:
        """List completed records past a position, in order, up to the first that is still open.

        Fewer than ``limit`` rows may come although there are more: none means the end.
        """
        ...

    async def list_revoked(self, after: int, limit: int, now: dt.datetime) -> list[Revocation]:
        """List revocations past a position, in order."""
        ...

    async def list_open(self, before: dt.datetime, now: dt.datetime, limit: int) -> list[Record]:
        """List intents that are still open, oldest first.

        Only those recorded before a time, or by a clock that ran ahead.
        """
        ...
