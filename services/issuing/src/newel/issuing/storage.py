"""All SQL of the issuing authority. Decides nothing that the database does not decide itself."""

from collections.abc import Iterable, Sequence

from newel.issuing.records import Event, Intent, Record, Revocation, Revoking
from newel.runtime.clock import AHEAD, is_future
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.events.contract import Outbox

# The parameters are those of an Intent, in its order. One statement is steps 1, 3 and 5 of issuance: it
# loses against the same idempotency key, the same serial, a blocked key, and the revocation of what it
# renews, whoever commits first.
_RESERVE = Statement("""
    INSERT INTO certificates (idempotency_key, serial, issuer, profile, tbs, not_after, key_digest,
        provisioner, subject_of_proof, renewed_from, created_at, room)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
    WHERE NOT EXISTS (SELECT 1 FROM blocked_keys b WHERE b.key_digest = $7)
        AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.serial = $10)
    ON CONFLICT DO NOTHING RETURNING idempotency_key""")

_COMPLETE = Statement("""
    UPDATE certificates SET signature = $2, room = NULL
    WHERE serial = $1 AND signature IS NULL AND closed_at IS NULL RETURNING serial""")

_CLOSE = Statement("""
    UPDATE certificates SET closed_at = $2
    WHERE serial = $1 AND signature IS NULL AND closed_at IS NULL RETURNING serial""")

_RELEASE = Statement("UPDATE certificates SET idempotency_key = NULL WHERE serial = $1")

_RECORD = """
    SELECT c.id, c.idempotency_key, c.serial, c.issuer, c.profile, c.tbs, c.not_after, c.key_digest,
        c.provisioner, c.subject_of_proof, c.renewed_from, c.created_at, c.room, c.signature, c.closed_at,
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
# shows up later. Past this many seconds none is still under way.
_SETTLE = 5


class Storage:
    """The tables of ``migrations`` behind :class:`newel.issuing.records.CertificateStore`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._settle = _SETTLE if database.dialect == "postgresql" else 0

    async def reserve(self, intents: Sequence[Intent]) -> list[bool]:
        """Records intents, each by itself."""
        return await self._decide((Write(_RESERVE, intent),) for intent in intents)

    async def complete(self, signed: Sequence[tuple[bytes, bytes, Event]]) -> list[bool]:
        """Puts signatures on open intents, each with its event."""
        answers = await self._decide(
            (Write(_COMPLETE, (serial, signature)), self._event(event))
            for serial, signature, event in signed
        )
        self._outbox.wake()
        return answers

    async def close(self, serial: bytes, at: int, *, release: bool) -> bool:
        """Ends an open intent unsigned."""
        then = (Write(_RELEASE, (serial,)),) if release else ()
        return await self._database.decide(Write(_CLOSE, (serial, at)), *then) is not None

    async def by_key(self, keys: Sequence[bytes]) -> list[Record | None]:
        """Records by idempotency key, in order."""
        rows = await self._database.fetch_many(_BY_KEY, [(key,) for key in keys])
        found = {row[1]: _record(row) for row in rows}
        return [found.get(key) for key in keys]

    async def by_serial(self, serials: Sequence[bytes]) -> list[Record | None]:
        """Records by serial, in order."""
        rows = await self._database.fetch_many(_BY_SERIAL, [(serial,) for serial in serials])
        found = {row[2]: _record(row) for row in rows}
        return [found.get(serial) for serial in serials]

    async def is_blocked(self, key_digest: bytes) -> bool:
        """Whether this public key may never be certified again."""
        return bool(await self._database.fetch(_BLOCKED, key_digest))

    async def revoke(self, revoking: Revoking, event: Event, before: int | None) -> bool:
        """Writes a revocation in the place of the one at ``before``, its event and its blocked key."""
        written = (_revocation(revoking), *self._consequences(revoking, event))
        if before is None:
            return await self._revoke(*written)
        return await self._revoke(Write(_FORGET, (revoking.revocation.serial, before)), *written)

    async def abandon(self, revoking: Revoking, event: Event) -> bool:
        """Closes an open intent and revokes its serial."""
        revocation = revoking.revocation
        return await self._revoke(
            Write(_CLOSE, (revocation.serial, revocation.revoked_at)),
            _revocation(revoking),
            *self._consequences(revoking, event),
        )

    async def issued(self, after: int, limit: int, now: int) -> list[Record]:
        """Completed records past a position, in order, up to the first that is still open."""
        rows = await self._database.fetch(_ISSUED, after, limit)
        records: list[Record] = []
        for record in map(_record, rows):
            if self._is_unsettled(record.intent.created_at, now):
                break
            records.append(record)
        return records

    async def revoked(self, after: int, limit: int, now: int) -> list[Revocation]:
        """Revocations past a position, in order."""
        rows = await self._database.fetch(_REVOKED, after, limit)
        revocations: list[Revocation] = []
        for serial, issuer, revoked_at, reason, active, not_after, position, recorded in rows:
            if self._is_unsettled(recorded, now):
                break
            revocations.append(
                Revocation(serial, issuer, revoked_at, reason, bool(active), not_after, position)
            )
        return revocations

    async def left_open(self, before: int, now: int, limit: int) -> list[Record]:
        """Intents recorded before a time, or by a clock that ran ahead, that are still open, oldest first."""
        ahead = now + int(AHEAD)
        return [
            _record(row) for row in await self._database.fetch(_LEFT_OPEN, before, ahead, limit)
        ]

    def _is_unsettled(self, written_at: int, now: int) -> bool:
        """Whether a transaction with an earlier position may still be under way.

        A time in the future was written before a clock was put back; waiting for it would hide
        everything behind it until the clock catches up.
        """
        return written_at > now - self._settle and not is_future(written_at, now)

    async def _decide(self, units: Iterable[tuple[Write, ...]]) -> list[bool]:
        answers = await self._database.decide_all(list(units))
        return [answer is not None for answer in answers]

    async def _revoke(self, gate: Write, *then: Write) -> bool:
        won = await self._database.decide(gate, *then) is not None
        if won:
            self._outbox.wake()
        return won

    def _event(self, event: Event) -> Write:
        return self._outbox.write(event.subject, event.payload)

    def _consequences(self, revoking: Revoking, event: Event) -> tuple[Write, ...]:
        if revoking.block is None:
            return (self._event(event),)
        cause = f"revoked for key compromise: {revoking.revocation.serial.hex()}"
        block = Write(_BLOCK, (revoking.block, cause, revoking.revocation.revoked_at))
        return (self._event(event), block)


def _revocation(revoking: Revoking) -> Write:
    revocation = revoking.revocation
    return Write(
        _REVOKE,
        (
            revocation.serial,
            revocation.issuer,
            revocation.revoked_at,
            revocation.reason,
            revocation.active,
            revocation.not_after,
            revoking.actor,
            revoking.provisioner,
            revoking.reason_text,
            revoking.request_id,
            revoking.recorded_at,
        ),
    )


def _record(row: Row) -> Record:
    intent = Intent(row[1] or b"", *row[2:13])
    signature, closed_at, position, revoked_at, reason, active = row[13:19]
    revocation = None
    if position is not None:
        revocation = Revocation(
            intent.serial,
            intent.issuer,
            revoked_at,
            reason,
            bool(active),
            intent.not_after,
            position,
        )
    return Record(row[0], intent, signature, closed_at is not None, revocation)
