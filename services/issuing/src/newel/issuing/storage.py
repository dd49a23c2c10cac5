"""What the issuing authority stores, and the conversion of rows. The database makes every decision."""

import datetime as dt
from collections.abc import Iterable, Sequence

from newel.issuing.events import X509_EVENTS, Event, Events
from newel.issuing.messages import decode_provisioner, encode_provisioner
from newel.issuing.records import (
    BlockedKey,
    Intent,
    Record,
    Revocation,
    RevocationEntry,
    SignedIntent,
)
from newel.issuing.storage_statements import X509, Statements
from newel.runtime.clock import AHEAD, is_future
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.database.times import read_time, to_seconds
from newel.runtime.events.contract import Outbox

_BLOCKED = Statement("SELECT 1 FROM blocked_keys WHERE key_digest = $1")
# What was declared passively and is declared actively is to be looked at again.
_BLOCK = Statement("""
    INSERT INTO blocked_keys (key_digest, cause, blocked_at, declared_at, active, actor)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (key_digest) DO UPDATE SET active = excluded.active,
        declared_at = excluded.declared_at, actor = excluded.actor, settled_at = NULL
    WHERE excluded.active AND NOT blocked_keys.active
    RETURNING key_digest""")
_UNSETTLED = Statement("""
    SELECT key_digest, cause, active, actor, declared_at FROM blocked_keys
    WHERE settled_at IS NULL ORDER BY declared_at LIMIT $1""")
_SETTLE_KEY = Statement("UPDATE blocked_keys SET settled_at = $2 WHERE key_digest = $1")

# PostgreSQL hands out positions before their transactions commit, so a reader could pass one that
# shows up later. After this time none is still in progress.
_SETTLE = dt.timedelta(seconds=5)


class Storage:
    """The tables of ``migrations`` as a :class:`newel.issuing.records.CertificateStore`."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        statements: Statements = X509,
        events: Events = X509_EVENTS,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._statements = statements
        self._events = events
        self._settle = _SETTLE if database.dialect == "postgresql" else dt.timedelta(0)

    async def reserve(self, intents: Sequence[Intent]) -> list[bool]:
        """Record intents, each by itself."""
        return await self._decide(
            (Write(self._statements.reserve, _intent_row(each)),) for each in intents
        )

    async def complete(self, signed: Sequence[SignedIntent]) -> list[bool]:
        """Store the signatures of open intents, each with its event."""
        answers = await self._decide(
            (
                Write(self._statements.complete, (each.intent.serial, each.signature)),
                self._publish(self._events.issued(each)),
            )
            for each in signed
        )
        self._outbox.wake()
        return answers

    async def close(self, serial: bytes, at: dt.datetime, *, release: bool) -> bool:
        """Close an open intent unsigned."""
        then = (Write(self._statements.release, (serial,)),) if release else ()
        return (
            await self._database.decide(
                Write(self._statements.close, (serial, to_seconds(at))), *then
            )
            is not None
        )

    async def by_key(self, keys: Sequence[bytes]) -> list[Record | None]:
        """Find records by idempotency key, in order."""
        rows = await self._database.fetch_many(self._statements.by_key, [(key,) for key in keys])
        found = {row[1]: read_record(row) for row in rows}
        return [found.get(key) for key in keys]

    async def by_serial(self, serials: Sequence[bytes]) -> list[Record | None]:
        """Find records by serial, in order."""
        rows = await self._database.fetch_many(
            self._statements.by_serial, [(serial,) for serial in serials]
        )
        found = {row[2]: read_record(row) for row in rows}
        return [found.get(serial) for serial in serials]

    async def is_blocked(self, key_digest: bytes) -> bool:
        """Whether this public key must never be certified again."""
        return bool(await self._database.fetch(_BLOCKED, key_digest))

    async def block(self, keys: Sequence[BlockedKey]) -> list[bool]:
        """Block keys; False where that changes nothing, because one was blocked in this way before."""
        return await self._decide((_block(each),) for each in keys)

    async def list_unsettled(self, limit: int) -> list[BlockedKey]:
        """List blocked keys whose certificates were not yet all found revoked, oldest first."""
        rows = await self._database.fetch(_UNSETTLED, limit)
        return [
            BlockedKey(digest, cause, bool(active), actor, read_time(declared_at))
            for digest, cause, active, actor, declared_at in rows
        ]

    async def list_on_key(
        self, digest: bytes, after: int, limit: int, now: dt.datetime, *, active: bool
    ) -> list[tuple[int, bytes]]:
        """List what is to be revoked on a key past a position: positions and serials, in order."""
        rows = await self._database.fetch(
            self._statements.on_key, digest, after, limit, to_seconds(now), int(active)
        )
        return [(row[0], row[1]) for row in rows]

    async def has_open(self, digest: bytes) -> bool:
        """Whether a certificate on this key is being issued, or was left behind by a crash."""
        return bool(await self._database.fetch(self._statements.open_on_key, digest))

    async def settle(self, digest: bytes, at: dt.datetime) -> None:
        """Record that no certificate on a key is left."""
        await self._database.apply(Write(_SETTLE_KEY, (digest, to_seconds(at))))

    async def revoke(self, entry: RevocationEntry, before: int | None) -> bool:
        """Write a revocation in the place of the one at ``before``, its event and its blocked key."""
        writes = (self._revocation(entry), *self._consequences(entry))
        if before is None:
            return await self._revoke(*writes)
        return await self._revoke(
            Write(self._statements.forget, (entry.revocation.serial, before)), *writes
        )

    async def abandon(self, entry: RevocationEntry) -> bool:
        """Close an open intent and revoke its serial."""
        closed_at = to_seconds(entry.revocation.revoked_at)
        return await self._revoke(
            Write(self._statements.close, (entry.revocation.serial, closed_at)),
            self._revocation(entry),
            *self._consequences(entry),
        )

    async def list_issued(self, after: int, limit: int, now: dt.datetime) -> list[Record]:
        """List completed records past a position, in order, up to the first that is still open."""
        rows = await self._database.fetch(self._statements.issued, after, limit)
        records: list[Record] = []
        for record in map(read_record, rows):
            if self._is_unsettled(record.intent.created_at, now):
                break
            records.append(record)
        return records

    async def list_revoked(self, after: int, limit: int, now: dt.datetime) -> list[Revocation]:
        """List revocations past a position, in order."""
        rows = await self._database.fetch(self._statements.revoked, after, limit)
        revocations: list[Revocation] = []
        for serial, issuer, revoked_at, reason, active, not_after, position, recorded_at in rows:
            if self._is_unsettled(read_time(recorded_at), now):
                break
            revocations.append(
                Revocation(
                    serial,
                    issuer,
                    read_time(revoked_at),
                    reason,
                    bool(active),
                    read_time(not_after),
                    position,
                )
            )
        return revocations

    async def list_open(self, before: dt.datetime, now: dt.datetime, limit: int) -> list[Record]:
        """List intents that are still open, oldest first."""
        ahead = to_seconds(now) + int(AHEAD)
        rows = await self._database.fetch(
            self._statements.left_open, to_seconds(before), ahead, limit
        )
        return [read_record(row) for row in rows]

    def _is_unsettled(self, written_at: dt.datetime, now: dt.datetime) -> bool:
        """Whether a transaction with an earlier position may still be in progress.

        A time in the future was written before a clock was put back; waiting for it would hide
        everything behind it until the clock catches up.
        """
        if is_future(written_at.timestamp(), now.timestamp()):
            return False
        return written_at > now.replace(microsecond=0) - self._settle

    async def _decide(self, units: Iterable[tuple[Write, ...]]) -> list[bool]:
        answers = await self._database.decide_all(list(units))
        return [answer is not None for answer in answers]

    async def _revoke(self, gate: Write, *then: Write) -> bool:
        done = await self._database.decide(gate, *then) is not None
        if done:
            self._outbox.wake()
        return done

    def _revocation(self, entry: RevocationEntry) -> Write:
        return Write(self._statements.revoke, revocation_row(entry))

    def _publish(self, event: Event) -> Write:
        return self._outbox.write(event.subject, event.payload)

    def _consequences(self, entry: RevocationEntry) -> tuple[Write, ...]:
        return (self._publish(self._events.revoked(entry)), *block_key(entry))


def block_key(entry: RevocationEntry) -> tuple[Write, ...]:
    """Return what blocks the key that a revocation names; nothing where it names none."""
    if entry.blocked_key is None:
        return ()
    cause = f"revoked for key compromise: {entry.revocation.serial.hex()}"
    revocation = entry.revocation
    key = BlockedKey(entry.blocked_key, cause, revocation.active, entry.actor, entry.recorded_at)
    return (_block(key, revocation.revoked_at),)


def _block(key: BlockedKey, since: dt.datetime | None = None) -> Write:
    """Return what blocks a key, ``since`` a time before it was declared where that is known."""
    declared = to_seconds(key.declared_at)
    blocked_at = declared if since is None else to_seconds(since)
    return Write(_BLOCK, (key.digest, key.cause, blocked_at, declared, key.active, key.actor))


def _intent_row(intent: Intent) -> tuple[bytes | str | int | None, ...]:
    return (
        intent.idempotency_key,
        intent.serial,
        intent.issuer,
        intent.profile,
        intent.tbs,
        to_seconds(intent.not_after),
        intent.key_digest,
        encode_provisioner(intent.provisioner),
        intent.subject_of_proof,
        intent.renewed_from,
        to_seconds(intent.created_at),
        bytes(intent.max_signature_size),
        intent.proved_by,
    )


def revocation_row(entry: RevocationEntry) -> tuple[bytes | str | int | bool, ...]:
    """Return a revocation as its statement takes it."""
    revocation = entry.revocation
    return (
        revocation.serial,
        revocation.issuer,
        to_seconds(revocation.revoked_at),
        revocation.reason,
        revocation.active,
        to_seconds(revocation.not_after),
        entry.actor,
        entry.provisioner,
        entry.reason_text,
        entry.request_id,
        to_seconds(entry.recorded_at),
    )


def read_record(row: Row) -> Record:
    """Read a row of the statements that find certificates."""
    position, key, serial, issuer, profile, tbs, not_after, key_digest, provisioner, *rest = row
    subject_of_proof, renewed_from, created_at, signature, closed_at, *revoked = rest
    intent = Intent(
        key or b"",
        serial,
        issuer,
        profile,
        tbs,
        read_time(not_after),
        key_digest,
        decode_provisioner(provisioner),
        subject_of_proof,
        renewed_from,
        read_time(created_at),
    )
    revocation = None
    if revoked[0] is not None:
        at, revoked_at, reason, active = revoked
        revocation = Revocation(
            serial, issuer, read_time(revoked_at), reason, bool(active), intent.not_after, at
        )
    return Record(position, intent, signature, closed_at is not None, revocation)
