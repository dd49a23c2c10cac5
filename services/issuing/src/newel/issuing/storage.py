"""All SQL of the issuing authority, and the conversion of rows. The database makes every decision."""

import datetime as dt
from collections.abc import Iterable, Sequence

from newel.issuing.events import Event, issued_event, revoked_event
from newel.issuing.messages import decode_provisioner, encode_provisioner
from newel.issuing.records import Intent, Record, Revocation, RevocationEntry, SignedIntent
from newel.runtime.clock import AHEAD, is_future
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.database.times import read_time, to_seconds
from newel.runtime.events.contract import Outbox

# One statement is steps 1, 3 and 5 of issuance: it fails against the same idempotency key, the same
# serial, a blocked key, and the revocation of what it renews, whichever commits first.
_RESERVE = Statement("""
    INSERT INTO certificates (idempotency_key, serial, issuer, profile, tbs, not_after, key_digest,
        provisioner, subject_of_proof, renewed_from, created_at, signature_placeholder)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
    WHERE NOT EXISTS (SELECT 1 FROM blocked_keys b WHERE b.key_digest = $7)
        AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.serial = $10)
    ON CONFLICT DO NOTHING RETURNING idempotency_key""")

_COMPLETE = Statement("""
    UPDATE certificates SET signature = $2, signature_placeholder = NULL
    WHERE serial = $1 AND signature IS NULL AND closed_at IS NULL RETURNING serial""")

_CLOSE = Statement("""
    UPDATE certificates SET closed_at = $2
    WHERE serial = $1 AND signature IS NULL AND closed_at IS NULL RETURNING serial""")

_RELEASE = Statement("UPDATE certificates SET idempotency_key = NULL WHERE serial = $1")

_RECORD = """
    SELECT c.id, c.idempotency_key, c.serial, c.issuer, c.profile, c.tbs, c.not_after, c.key_digest,
        c.provisioner, c.subject_of_proof, c.renewed_from, c.created_at, c.signature, c.closed_at,
        r.position, r.revoked_at, r.reason, r.active
    FROM certificates c LEFT JOIN revocations r ON r.serial = c.serial """

_BY_KEY = Statement(_RECORD + "WHERE c.idempotency_key = $1")
_BY_SERIAL = Statement(_RECORD + "WHERE c.serial = $1")
_LEFT_OPEN = Statement(
    _RECORD
    + """WHERE c.signature IS NULL AND c.closed_at IS NULL AND (c.created_at < $1 OR c.created_at > $2)
    ORDER BY c.id LIMIT $3"""
)
_ISSUED = Statement(
    _RECORD  # noqa: S608 - constant text
    + """WHERE c.id > $1 AND c.signature IS NOT NULL AND c.id < coalesce(
        (SELECT min(o.id) FROM certificates o WHERE o.signature IS NULL AND o.closed_at IS NULL),
        9223372036854775807)
    ORDER BY c.id LIMIT $2"""
)

_BLOCKED = Statement("SELECT 1 FROM blocked_keys WHERE key_digest = $1")
_BLOCK = Statement("""
    INSERT INTO blocked_keys (key_digest, cause, blocked_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING""")

_REVOKE = Statement("""
    INSERT INTO revocations (serial, issuer, revoked_at, reason, active, not_after, actor,
        provisioner, reason_text, request_id, recorded_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT DO NOTHING RETURNING serial""")

# The row that replaces it is a new one, so that it has a position past those that were read.
_FORGET = Statement("DELETE FROM revocations WHERE serial = $1 AND position = $2 RETURNING serial")

_REVOKED = Statement("""
    SELECT serial, issuer, revoked_at, reason, active, not_after, position,
        coalesce(recorded_at, revoked_at)
    FROM revocations WHERE position > $1 ORDER BY position LIMIT $2""")

# PostgreSQL hands out positions before their transactions commit, so a reader could pass one that
# shows up later. After this time none is still in progress.
_SETTLE = dt.timedelta(seconds=5)


class Storage:
    """The tables of ``migrations`` as a :class:`newel.issuing.records.CertificateStore`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._settle = _SETTLE if database.dialect == "postgresql" else dt.timedelta(0)

    async def reserve(self, intents: Sequence[Intent]) -> list[bool]:
        """Record intents, each by itself."""
        return await self._decide((Write(_RESERVE, _intent_row(each)),) for each in intents)

    async def complete(self, signed: Sequence[SignedIntent]) -> list[bool]:
        """Store the signatures of open intents, each with its event."""
        answers = await self._decide(
            (
                Write(_COMPLETE, (each.intent.serial, each.signature)),
                self._publish(issued_event(each)),
            )
            for each in signed
        )
        self._outbox.wake()
        return answers

    async def close(self, serial: bytes, at: dt.datetime, *, release: bool) -> bool:
        """Close an open intent unsigned."""
        then = (Write(_RELEASE, (serial,)),) if release else ()
        return (
            await self._database.decide(Write(_CLOSE, (serial, to_seconds(at))), *then) is not None
        )

    async def by_key(self, keys: Sequence[bytes]) -> list[Record | None]:
        """Find records by idempotency key, in order."""
        rows = await self._database.fetch_many(_BY_KEY, [(key,) for key in keys])
        found = {row[1]: _record(row) for row in rows}
        return [found.get(key) for key in keys]

    async def by_serial(self, serials: Sequence[bytes]) -> list[Record | None]:
        """Find records by serial, in order."""
        rows = await self._database.fetch_many(_BY_SERIAL, [(serial,) for serial in serials])
        found = {row[2]: _record(row) for row in rows}
        return [found.get(serial) for serial in serials]

    async def is_blocked(self, key_digest: bytes) -> bool:
        """Whether this public key must never be certified again."""
        return bool(await self._database.fetch(_BLOCKED, key_digest))

    async def revoke(self, entry: RevocationEntry, before: int | None) -> bool:
        """Write a revocation in the place of the one at ``before``, its event and its blocked key."""
        writes = (_revocation_write(entry), *self._consequences(entry))
        if before is None:
            return await self._revoke(*writes)
        return await self._revoke(Write(_FORGET, (entry.revocation.serial, before)), *writes)

    async def abandon(self, entry: RevocationEntry) -> bool:
        """Close an open intent and revoke its serial."""
        closed_at = to_seconds(entry.revocation.revoked_at)
        return await self._revoke(
            Write(_CLOSE, (entry.revocation.serial, closed_at)),
            _revocation_write(entry),
            *self._consequences(entry),
        )

    async def list_issued(self, after: int, limit: int, now: dt.datetime) -> list[Record]:
        """List completed records past a position, in order, up to the first that is still open."""
        rows = await self._database.fetch(_ISSUED, after, limit)
        records: list[Record] = []
        for record in map(_record, rows):
            if self._is_unsettled(record.intent.created_at, now):
                break
            records.append(record)
        return records

    async def list_revoked(self, after: int, limit: int, now: dt.datetime) -> list[Revocation]:
        """List revocations past a position, in order."""
        rows = await self._database.fetch(_REVOKED, after, limit)
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
        rows = await self._database.fetch(_LEFT_OPEN, to_seconds(before), ahead, limit)
        return [_record(row) for row in rows]

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

    def _publish(self, event: Event) -> Write:
        return self._outbox.write(event.subject, event.payload)

    def _consequences(self, entry: RevocationEntry) -> tuple[Write, ...]:
        event = self._publish(revoked_event(entry))
        if entry.blocked_key is None:
            return (event,)
        cause = f"revoked for key compromise: {entry.revocation.serial.hex()}"
        blocked_at = to_seconds(entry.revocation.revoked_at)
        return (event, Write(_BLOCK, (entry.blocked_key, cause, blocked_at)))


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
    )


def _revocation_write(entry: RevocationEntry) -> Write:
    revocation = entry.revocation
    return Write(
        _REVOKE,
        (
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
        ),
    )


def _record(row: Row) -> Record:
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
