"""Notices and what is to be delivered of them, as they are opened, acknowledged and resolved."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from newel.alerting.notices import Acknowledgement, Notice, Phase, Severity, message_key
from newel.alerting.rules import Route
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.database.times import read_optional_time, read_time, to_seconds

NOTICE = """id, endpoint, serial, subject, names, provisioner, not_before, not_after,
    life_passed, severity, opened_at, resolved_at, successor, kind, owner, detail, topic,
    acknowledged_at, acknowledged_by, note, followed_by"""
"""The columns `notice_of` reads."""

_OPEN = Statement("""
    INSERT INTO notices (id, endpoint, serial, subject, names, provisioner, not_before, not_after,
        life_passed, severity, opened_at, kind, owner, detail, topic)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT DO NOTHING RETURNING id""")
_QUEUE = Statement("""
    INSERT INTO deliveries
        (key, notice, phase, channel, fallback, state, attempts, next_at, delay, error)
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, '') ON CONFLICT (key) DO NOTHING""")

_RESOLVE = Statement("""
    UPDATE notices SET resolved_at = $2, successor = $3
    WHERE id = $1 AND resolved_at IS NULL RETURNING id""")
# Channels that have the first message, or may have it, get the second; no other channel does. The end of
# what was told in a group is told of the group.
_TELL_RESOLVED = Statement("""
    INSERT INTO deliveries (key, notice, phase, channel, fallback, state, attempts, next_at, error)
    SELECT DISTINCT notice || '.resolved.' || channel, notice, 'resolved', channel, '', 'pending', 0,
        CAST($2 AS BIGINT), ''
    FROM deliveries WHERE notice = $1 AND phase <> 'resolved' AND digest = ''
        AND (state = 'delivered' OR state IN ('pending', 'silenced') AND attempts > 0)
    ON CONFLICT (key) DO NOTHING""")
# Those who are still to get the first message get it, and this one some time after it.
_TELL_RESOLVED_LATER = Statement("""
    INSERT INTO deliveries (key, notice, phase, channel, fallback, state, attempts, next_at, error)
    SELECT DISTINCT notice || '.resolved.' || channel, notice, 'resolved', channel, '', 'pending', 0,
        CAST($2 AS BIGINT), ''
    FROM deliveries WHERE notice = $1 AND phase <> 'resolved' AND state = 'pending'
    ON CONFLICT (key) DO NOTHING""")
_CANCEL = Statement("""
    UPDATE deliveries SET state = 'cancelled'
    WHERE notice = $1 AND phase <> 'resolved' AND state IN ('pending', 'planned', 'silenced')""")
_ACKNOWLEDGE = Statement("""
    UPDATE notices SET acknowledged_at = $2, acknowledged_by = $3, note = $4
    WHERE id = $1 AND opened_at IS NOT NULL AND resolved_at IS NULL AND acknowledged_at IS NULL
    RETURNING id""")
_STOP_ESCALATION = Statement("""
    UPDATE deliveries SET state = 'cancelled'
    WHERE notice = $1 AND phase = 'escalated' AND state IN ('pending', 'planned', 'silenced')""")
_FOLLOW = Statement("""
    UPDATE notices SET resolved_at = $2, followed_by = $3
    WHERE id = $1 AND resolved_at IS NULL RETURNING id""")
# What was opened before an upgrade has no topic.
_OPEN_BESIDE = Statement("""
    SELECT id, kind, not_after FROM notices
    WHERE endpoint = $1 AND topic IN ($2, '') AND id <> $3 AND resolved_at IS NULL""")
_KNOWN = Statement("SELECT 1 FROM notices WHERE id = $1")
_NEVER_OPEN = Statement("""
    INSERT INTO notices (id, endpoint, serial, subject, names, provisioner, not_before, not_after,
        life_passed, severity, resolved_at, successor)
    VALUES ($1, '', $2, '', '[]', '', 0, 0, 0, 'warning', $3, $4) ON CONFLICT (id) DO NOTHING""")

_ATTEMPTS = 5
"""How often an alert is tried to be opened while other workers open and end alerts of its topic."""
_LATER = 30_000
"""Milliseconds between a message that was still to be delivered and that of the end."""

_OPEN_NOTICES = Statement("SELECT count(*) FROM notices WHERE resolved_at IS NULL")
_OLDEST = Statement("""
    SELECT n.opened_at, n.resolved_at, d.phase FROM deliveries d JOIN notices n ON n.id = d.notice
    WHERE d.state IN ('pending', 'grouped') AND d.channel = $1 ORDER BY d.position LIMIT 1""")
_CHANNELS = Statement(
    "SELECT DISTINCT channel FROM deliveries"
    " WHERE state IN ('pending', 'planned', 'silenced', 'grouped')"
)
_ABANDON = Statement("""
    UPDATE deliveries SET state = 'failed', error = 'the channel is no longer configured'
    WHERE channel = $1 AND state IN ('pending', 'planned', 'silenced', 'grouped')""")
_ABANDON_DIGESTS = Statement("""
    UPDATE digests SET state = 'failed', error = 'the channel is no longer configured'
    WHERE channel = $1 AND state = 'pending'""")
_CLOSE = Statement(
    "UPDATE notices SET resolved_at = $2 WHERE opened_at < $1 AND resolved_at IS NULL"
)
_FORGET_DELIVERIES = Statement("""
    DELETE FROM deliveries WHERE notice IN (SELECT id FROM notices WHERE resolved_at < $1)""")
_FORGET_NOTICES = Statement("DELETE FROM notices WHERE resolved_at < $1")
_FORGET_DIGESTS = Statement("""
    DELETE FROM digests WHERE created_at < $1
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE digest = digests.id AND digest <> '')""")


class Storage:
    """The tables of ``migrations`` behind the Protocols of projection and retention."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, notice: Notice, to: Sequence[Route], family: Sequence[str] = ()) -> bool:
        """Open a notice and queue its deliveries in one unit; return False when it was known.

        ``family`` are the kinds of its topic, of which each follows those before it. The notice takes
        the place of an older state of the same endpoint, and is not opened while a newer one is open:
        whatever the order in which they come, one is open, which the index of topics decides.
        """
        for _ in range(_ATTEMPTS):
            if await self._database.fetch(_KNOWN, notice.id):
                return False
            for each in await self._find_older(notice, family):
                await self._follow(each, notice)
            if await self._insert(notice, to):
                return True
            if not await self._find_older(notice, family):
                return False
        raise RuntimeError(f"alerts of {notice.topic} are opened and ended all the time")

    async def _find_older(self, notice: Notice, family: Sequence[str]) -> list[str]:
        """Find the open notices of older states: of an earlier certificate, or of an earlier kind."""
        if notice.kind not in family:
            return []
        end = to_seconds(notice.not_after) if notice.not_after else 0
        state = end, family.index(notice.kind)
        rows = await self._database.fetch(_OPEN_BESIDE, notice.endpoint, notice.topic, notice.id)
        return [
            other
            for other, kind, not_after in rows
            if kind in family and (not_after, family.index(kind)) < state
        ]

    async def _follow(self, older: str, notice: Notice) -> None:
        ended = to_seconds(notice.opened_at)
        await self._database.decide(
            Write(_FOLLOW, (older, ended, notice.kind)),
            Write(_TELL_RESOLVED, (older, to_milliseconds(ended))),
            Write(_CANCEL, (older,)),
        )

    async def _insert(self, notice: Notice, to: Sequence[Route]) -> bool:
        gate = Write(
            _OPEN,
            (
                notice.id,
                notice.endpoint,
                notice.serial,
                notice.subject,
                msgspec.json.encode(notice.names).decode(),
                notice.provisioner,
                to_seconds(notice.not_before) if notice.not_before else 0,
                to_seconds(notice.not_after) if notice.not_after else 0,
                notice.life_passed,
                notice.severity.value,
                to_seconds(notice.opened_at),
                notice.kind,
                notice.owner,
                notice.detail,
                notice.topic,
            ),
        )
        at = notice.opened_at.timestamp()
        queue = [
            queue_delivery(notice.id, Phase.OPENED, route.channel, route.fallback, at)
            if route.after is None
            else queue_delivery(
                notice.id, Phase.ESCALATED, route.channel, "", at, route.after.total_seconds()
            )
            for route in to
        ]
        return await self._database.decide(gate, *queue) is not None

    async def resolve(
        self,
        notice: str,
        serial: bytes,
        successor: bytes,
        at: dt.datetime,
        *,
        is_told_late: bool = False,
    ) -> bool:
        """Resolve a notice: cancel what was not delivered, queue a message for each channel that has it.

        With ``is_told_late`` what was not delivered is delivered all the same, and then its end.
        False when it is resolved already or has not been opened; then it will not be.
        """
        ended = to_milliseconds(to_seconds(at))
        rest = (
            (
                Write(_TELL_RESOLVED_LATER, (notice, ended + _LATER)),
                Write(_STOP_ESCALATION, (notice,)),
            )
            if is_told_late
            else (Write(_CANCEL, (notice,)),)
        )
        unit = (
            Write(_RESOLVE, (notice, to_seconds(at), successor)),
            Write(_TELL_RESOLVED, (notice, ended)),
            *rest,
        )
        if await self._database.decide(*unit):
            return True
        await self._database.apply(Write(_NEVER_OPEN, (notice, serial, to_seconds(at), successor)))
        # It may have been opened between the two.
        return await self._database.decide(*unit) is not None

    async def acknowledge(self, notice: str, by: Acknowledgement) -> bool:
        """Record who looks after an open alert, and end its escalation.

        False when that is acknowledged or over already, or there is none.
        """
        gate = Write(_ACKNOWLEDGE, (notice, to_seconds(by.at), by.by, by.note))
        return await self._database.decide(gate, Write(_STOP_ESCALATION, (notice,))) is not None

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
            await self._database.apply(Write(_ABANDON, (name,)), Write(_ABANDON_DIGESTS, (name,)))
        return gone

    async def close_forgotten(self, before: int, now: int) -> None:
        """End what was opened before then, without a message."""
        await self._database.apply(Write(_CLOSE, (before, now)))

    async def forget(self, before: int) -> None:
        """Remove what was resolved before then."""
        await self._database.apply(
            Write(_FORGET_DELIVERIES, (before,)),
            Write(_FORGET_NOTICES, (before,)),
            Write(_FORGET_DIGESTS, (before,)),
        )


def queue_delivery(
    notice: str, phase: Phase, channel: str, fallback: str, at: float, delay: float = 0
) -> Write:
    """Queue a delivery for a time in seconds; with ``delay`` it is planned for so much later."""
    key, state = message_key(notice, phase, channel), "planned" if delay else "pending"
    moments = to_milliseconds(at + delay), to_milliseconds(delay)
    return Write(_QUEUE, (key, notice, phase.value, channel, fallback, state, *moments))


def to_milliseconds(seconds: float) -> int:
    """Return a time or a span as the deliveries hold it."""
    return int(seconds * 1000)


def notice_of(row: Row) -> Notice:
    """Build a notice from its columns."""
    return Notice(
        id=row[0],
        endpoint=row[1],
        serial=row[2],
        subject=row[3],
        names=tuple(msgspec.json.decode(row[4], type=list[str])),
        provisioner=row[5],
        not_before=read_optional_time(row[6] or None),
        not_after=read_optional_time(row[7] or None),
        life_passed=row[8],
        severity=Severity(row[9]),
        opened_at=read_time(row[10] or 0),
        resolved_at=read_optional_time(row[11]),
        successor=row[12] or b"",
        kind=row[13],
        owner=row[14],
        detail=row[15],
        topic=row[16],
        acknowledgement=(
            None if row[17] is None else Acknowledgement(row[18], read_time(row[17]), row[19])
        ),
        followed_by=row[20],
    )
