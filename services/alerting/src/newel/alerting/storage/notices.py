"""Notices and what is to be delivered of them, as they are written."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from newel.alerting.delivery import Delivery
from newel.alerting.notices import Notice, Phase, Severity, message_key
from newel.alerting.rules import Route
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.database.times import read_optional_time, read_time, to_seconds

NOTICE = """id, endpoint, serial, subject, names, provisioner, not_before, not_after,
    life_passed, severity, opened_at, resolved_at, successor"""
"""The columns `notice_of` reads."""

_OPEN = Statement("""
    INSERT INTO notices (id, endpoint, serial, subject, names, provisioner, not_before, not_after,
        life_passed, severity, opened_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (id) DO NOTHING RETURNING id""")
_QUEUE = Statement("""
    INSERT INTO deliveries (key, notice, phase, channel, fallback, state, attempts, next_at, error)
    VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, '') ON CONFLICT (key) DO NOTHING""")

_RESOLVE = Statement("""
    UPDATE notices SET resolved_at = $2, successor = $3
    WHERE id = $1 AND resolved_at IS NULL RETURNING id""")
# Channels that have the first message, or may have it, get the second; no other channel does.
_TELL_RESOLVED = Statement("""
    INSERT INTO deliveries (key, notice, phase, channel, fallback, state, attempts, next_at, error)
    SELECT notice || '.resolved.' || channel, notice, 'resolved', channel, '', 'pending', 0, $2, ''
    FROM deliveries WHERE notice = $1 AND phase = 'opened'
        AND (state = 'delivered' OR state = 'pending' AND attempts > 0)
    ON CONFLICT (key) DO NOTHING""")
_CANCEL = Statement("""
    UPDATE deliveries SET state = 'cancelled'
    WHERE notice = $1 AND phase = 'opened' AND state = 'pending'""")
_NEVER_OPEN = Statement("""
    INSERT INTO notices (id, endpoint, serial, subject, names, provisioner, not_before, not_after,
        life_passed, severity, resolved_at, successor)
    VALUES ($1, '', $2, '', '[]', '', 0, 0, 0, 'warning', $3, $4) ON CONFLICT (id) DO NOTHING""")

_DUE = Statement("""
    SELECT key, next_at FROM deliveries
    WHERE state = 'pending' AND channel = $1 AND (next_at <= $2 OR next_at > $3)
    ORDER BY next_at LIMIT $4""")
_CLAIM = Statement("""
    UPDATE deliveries SET next_at = $3, attempts = attempts + 1, attempted_at = $4
    WHERE key = $1 AND state = 'pending' AND next_at = $2 RETURNING key""")
_CLAIMED = Statement(
    f"SELECT key, phase, channel, fallback, attempts, {NOTICE} "  # noqa: S608 - a constant
    "FROM deliveries JOIN notices ON id = notice WHERE key = $1"
)
_DELIVERED = Statement("""
    UPDATE deliveries SET state = 'delivered', error = '' WHERE key = $1 AND state = 'pending'""")
_POSTPONE = Statement("""
    UPDATE deliveries SET next_at = $2, error = $3 WHERE key = $1 AND state = 'pending'""")
_GIVE_UP = Statement("""
    UPDATE deliveries SET state = 'failed', error = $2
    WHERE key = $1 AND state = 'pending' RETURNING key""")

_OPEN_NOTICES = Statement("SELECT count(*) FROM notices WHERE resolved_at IS NULL")
_OLDEST = Statement("""
    SELECT n.opened_at, n.resolved_at, d.phase FROM deliveries d JOIN notices n ON n.id = d.notice
    WHERE d.state = 'pending' AND d.channel = $1 ORDER BY d.position LIMIT 1""")
_CHANNELS = Statement("SELECT DISTINCT channel FROM deliveries WHERE state = 'pending'")
_ABANDON = Statement("""
    UPDATE deliveries SET state = 'failed', error = 'the channel is no longer configured'
    WHERE channel = $1 AND state = 'pending'""")
_FORGET_DELIVERIES = Statement("""
    DELETE FROM deliveries WHERE notice IN (SELECT id FROM notices WHERE resolved_at < $1)""")
_FORGET_NOTICES = Statement("DELETE FROM notices WHERE resolved_at < $1")


class Storage:
    """The tables of ``migrations`` behind the Protocols of projection and delivery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, notice: Notice, to: Sequence[Route]) -> bool:
        """Open a notice and queue its deliveries in one unit; return False when it was known."""
        gate = Write(
            _OPEN,
            (
                notice.id,
                notice.endpoint,
                notice.serial,
                notice.subject,
                msgspec.json.encode(notice.names).decode(),
                notice.provisioner,
                to_seconds(notice.not_before),
                to_seconds(notice.not_after),
                notice.life_passed,
                notice.severity.value,
                to_seconds(notice.opened_at),
            ),
        )
        queue = [
            _queue(
                notice.id, Phase.OPENED, route.channel, route.fallback, notice.opened_at.timestamp()
            )
            for route in to
        ]
        return await self._database.decide(gate, *queue) is not None

    async def resolve(self, notice: str, serial: bytes, successor: bytes, at: dt.datetime) -> bool:
        """Resolve a notice: cancel what was not delivered, queue a message for each channel that has it.

        False when it is resolved already or has not been opened; then it will not be.
        """
        unit = (
            Write(_RESOLVE, (notice, to_seconds(at), successor)),
            Write(_TELL_RESOLVED, (notice, _milliseconds(to_seconds(at)))),
            Write(_CANCEL, (notice,)),
        )
        if await self._database.decide(*unit):
            return True
        await self._database.apply(Write(_NEVER_OPEN, (notice, serial, to_seconds(at), successor)))
        # It may have been opened between the two.
        return await self._database.decide(*unit) is not None

    async def claim(
        self, channel: str, now: float, until: float, latest: float, limit: int
    ) -> list[Delivery]:
        """See Deliveries."""
        moments = _milliseconds(now), _milliseconds(latest)
        due = await self._database.fetch(_DUE, channel, *moments, limit)
        claimed: list[tuple[str]] = []
        for key, next_at in due:
            gate = Write(_CLAIM, (key, next_at, _milliseconds(until), int(now)))
            if await self._database.decide(gate):
                claimed.append((key,))
        rows = await self._database.fetch_many(_CLAIMED, claimed)
        return [_delivery(row) for row in rows]

    async def mark_delivered(self, delivery: Delivery) -> None:
        """Record that the receiver has it."""
        await self._database.apply(Write(_DELIVERED, (delivery.key,)))

    async def postpone(self, delivery: Delivery, until: float, error: str) -> None:
        """Schedule the next attempt for ``until``."""
        await self._database.apply(Write(_POSTPONE, (delivery.key, _milliseconds(until), error)))

    async def give_up(self, delivery: Delivery, now: float, error: str) -> None:
        """Record the final failure and queue a delivery to the fallback channel, where there is one."""
        gate = Write(_GIVE_UP, (delivery.key, error))
        instead = (
            [_queue(delivery.notice.id, delivery.phase, delivery.fallback, "", now)]
            if delivery.fallback
            else []
        )
        await self._database.decide(gate, *instead)

    async def open_notices(self) -> int:
        """Count the notices that are not resolved."""
        ((count,),) = await self._database.fetch(_OPEN_NOTICES)
        return count

    async def waiting_since(self, channel: str) -> int | None:
        """Return since when the oldest delivery of a channel has been waiting."""
        rows = await self._database.fetch(_OLDEST, channel)
        if not rows:
            return None
        opened_at, resolved_at, phase = rows[0]
        return resolved_at if phase == "resolved" else opened_at

    async def abandon_others(self, channels: Sequence[str]) -> list[str]:
        """Give up deliveries to channels that are no longer configured and return their names."""
        rows = await self._database.fetch(_CHANNELS)
        gone = sorted({name for (name,) in rows} - set(channels))
        for name in gone:
            await self._database.apply(Write(_ABANDON, (name,)))
        return gone

    async def forget(self, before: int) -> None:
        """Remove what was resolved before then."""
        await self._database.apply(
            Write(_FORGET_DELIVERIES, (before,)), Write(_FORGET_NOTICES, (before,))
        )


def _queue(notice: str, phase: Phase, channel: str, fallback: str, at: float) -> Write:
    key = message_key(notice, phase, channel)
    return Write(_QUEUE, (key, notice, phase.value, channel, fallback, _milliseconds(at)))


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _delivery(row: Row) -> Delivery:
    key, phase, channel, fallback, attempts = row[:5]
    return Delivery(key, Phase(phase), channel, fallback, attempts, notice_of(row[5:]))


def notice_of(row: Row) -> Notice:
    """Build a notice from its columns."""
    return Notice(
        id=row[0],
        endpoint=row[1],
        serial=row[2],
        subject=row[3],
        names=tuple(msgspec.json.decode(row[4], type=list[str])),
        provisioner=row[5],
        not_before=read_time(row[6]),
        not_after=read_time(row[7]),
        life_passed=row[8],
        severity=Severity(row[9]),
        opened_at=read_time(row[10] or 0),
        resolved_at=read_optional_time(row[11]),
        successor=row[12] or b"",
    )
