"""What the issuing authority writes down, and the store it writes it into."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from newel.proto.issuing.v1 import issuing_pb2 as pb


class Intent(NamedTuple):
    """A certificate as it will be signed, recorded before it is. Times in seconds since 1970."""

    idempotency_key: bytes
    serial: bytes
    issuer: str
    profile: str
    tbs: bytes
    not_after: int
    key_digest: bytes
    provisioner: bytes
    subject_of_proof: str
    renewed_from: bytes | None
    created_at: int
    room: bytes | None  # as many octets as its signature will have at most


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate's revocation. ``active`` ones are published, others only stop renewal."""

    serial: bytes
    issuer: str
    revoked_at: int
    reason: int
    active: bool
    not_after: int
    position: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A stored row: the intent, its signature once there is one, and what became of it."""

    position: int
    intent: Intent
    signature: bytes | None
    closed: bool
    revocation: Revocation | None

    @property
    def open(self) -> bool:
        """Neither signed nor closed: under way, or left behind by a crash."""
        return self.signature is None and not self.closed

    def provisioner(self) -> pb.Provisioner:
        """Who proved to be entitled."""
        return pb.Provisioner.FromString(self.intent.provisioner)

    def issued_at(self) -> dt.datetime:
        """When the intent was written."""
        return dt.datetime.fromtimestamp(self.intent.created_at, dt.UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """What is told to the other services, in the unit that makes it true."""

    subject: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Revoking:
    """A revocation about to be written, with what the audit of it needs."""

    revocation: Revocation
    actor: str
    provisioner: str
    reason_text: str
    request_id: str
    recorded_at: int
    block: bytes | None  # the digest of the key that must never be certified again


class CertificateStore(Protocol):
    """Certificates, revocations and blocked keys. Every write is durable when it returns."""

    async def reserve(self, intents: Sequence[Intent]) -> list[bool]:
        """Records intents, each by itself.

        False where the idempotency key or the serial is taken, the public key is blocked, or the
        certificate it renews is revoked: nothing is written then.
        """
        ...

    async def complete(self, signed: Sequence[tuple[bytes, bytes, Event]]) -> list[bool]:
        """Puts signatures on open intents (serial, signature, event), each with its event.

        False where the intent is no longer open: someone else completed or closed it.
        """
        ...

    async def close(self, serial: bytes, at: int, *, release: bool) -> bool:
        """Ends an open intent unsigned; ``release`` frees its idempotency key. False if not open."""
        ...

    async def by_key(self, keys: Sequence[bytes]) -> list[Record | None]:
        """Records by idempotency key, in order."""
        ...

    async def by_serial(self, serials: Sequence[bytes]) -> list[Record | None]:
        """Records by serial, in order."""
        ...

    async def is_blocked(self, key_digest: bytes) -> bool:
        """Whether this public key may never be certified again."""
        ...

    async def revoke(self, revoking: Revoking, event: Event, before: int | None) -> bool:
        """Writes a revocation, its event and its blocked key.

        ``before`` is the position of the revocation it replaces, None where there is none yet.
        False, and nothing is written, when somebody else was faster.
        """
        ...

    async def abandon(self, revoking: Revoking, event: Event) -> bool:
        """Closes an open intent and revokes its serial in one unit. False if it is not open."""
        ...

    async def issued(self, after: int, limit: int, now: int) -> list[Record]:
        """Completed records past a position, in order, up to the first that is still open.

        Fewer than ``limit`` rows may come although there are more: none means the end.
        """
        ...

    async def revoked(self, after: int, limit: int, now: int) -> list[Revocation]:
        """Revocations past a position, in order."""
        ...

    async def left_open(self, before: int, now: int, limit: int) -> list[Record]:
        """Intents recorded before a time that are still open, oldest first."""
        ...
