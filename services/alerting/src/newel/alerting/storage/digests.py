"""Deliveries as groups, and the messages about them."""

from collections.abc import Sequence

from newel.alerting.alerts import DeliveryState
from newel.alerting.delivery import Delivery
from newel.alerting.grouping import Digest, DueGroup, Group
from newel.alerting.notices import Phase, Severity, message_key
from newel.alerting.storage.deliveries import HOLD
from newel.alerting.storage.notices import NOTICE, notice_of, to_milliseconds
from newel.alerting.storage.silences import ACTIVE
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.database.times import read_optional_time, read_time

# The first line is the condition of the index deliveries_waiting, word for word. So is "digest <> ''" that of
# deliveries_digest, which is not used without it.
_DUE = f"""
    state IN ('pending', 'planned', 'silenced')
        AND channel = $1 AND attempts = 0 AND phase <> 'resolved' AND (
            state <> 'silenced' AND next_at <= $2 OR state = 'silenced' AND delay = 0
            AND silence NOT IN (SELECT id FROM silences WHERE {ACTIVE.replace("$4", "$3")}))"""  # noqa: S608 - constants
_GROUPS = Statement(f"""
    SELECT d.phase, n.kind, n.owner, count(*) FROM deliveries d JOIN notices n ON n.id = d.notice
    WHERE d.position IN (SELECT position FROM deliveries WHERE {_DUE})
    GROUP BY d.phase, n.kind, n.owner""")  # noqa: S608 - a constant
_TOLD = Statement("""
    SELECT d.phase, n.kind, n.owner, count(*) FROM deliveries d JOIN notices n ON n.id = d.notice
    WHERE d.channel = $1 AND d.attempted_at > $2 AND d.digest = ''
    GROUP BY d.phase, n.kind, n.owner""")
_LAST = Statement("""
    SELECT phase, kind, owner, max(created_at) FROM digests WHERE channel = $1 AND created_at > $2
    GROUP BY phase, kind, owner""")
_OF_GROUP = f"""
    {_DUE} AND phase = $4 AND notice IN (SELECT id FROM notices WHERE kind = $5 AND owner = $6)"""  # noqa: S608 - a constant
_MEMBERS = Statement(f"""
    SELECT key, fallback, deliveries.state, next_at, {NOTICE}
    FROM deliveries JOIN notices ON id = notice WHERE {_OF_GROUP}""")  # noqa: S608 - constants
_WAIT = Statement(
    f"UPDATE deliveries SET state = 'pending', silence = '', next_at = $7 WHERE {_OF_GROUP}"  # noqa: S608 - a constant
)
_FORM = Statement("""
    INSERT INTO digests
        (key, id, channel, phase, kind, owner, size, state, attempts, next_at, created_at, error)
    SELECT $1, $2, $3, $4, $5, $6, 0, 'pending', 1, $7, $8, ''
    WHERE NOT EXISTS (SELECT 1 FROM digests WHERE channel = $3 AND phase = $4 AND kind = $5
        AND owner = $6 AND created_at > $9)
    ON CONFLICT (key) DO NOTHING RETURNING key""")
_JOIN = Statement(f"""
    UPDATE deliveries SET state = 'grouped', digest = $7, silence = '', attempts = 1,
        attempted_at = $3 WHERE {_OF_GROUP}""")  # noqa: S608 - a constant
_COUNT = Statement("""
    UPDATE digests SET size = (SELECT count(*) FROM deliveries
        WHERE digest = $2 AND digest <> '') WHERE key = $1""")
_SIZE = Statement("SELECT size FROM digests WHERE key = $1")
_DROP = Statement("DELETE FROM digests WHERE key = $1 AND size = 0")
_COLUMNS = """key, id, channel, phase, kind, owner, size, attempts, next_at, created_at, ended_at,
    (SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice
        WHERE d.digest = digests.id AND d.digest <> '' AND n.severity = 'critical')"""
_READY = Statement(f"""
    SELECT {_COLUMNS} FROM digests WHERE channel = $1 AND state = 'pending' AND size > 0
        AND (next_at <= $2 OR next_at > $3) ORDER BY next_at LIMIT 16""")  # noqa: S608 - a constant
_ONE = Statement(f"SELECT {_COLUMNS} FROM digests WHERE key = $1")  # noqa: S608 - a constant
_NAMED = Statement("""
    SELECT CASE WHEN n.subject = '' THEN n.endpoint ELSE n.subject END
    FROM deliveries d JOIN notices n ON n.id = d.notice
    WHERE d.digest = $1 AND d.digest <> '' ORDER BY d.position LIMIT $2""")
_CLAIM = Statement("""
    UPDATE digests SET attempts = attempts + 1, next_at = $3
    WHERE key = $1 AND state = 'pending' AND next_at = $2 RETURNING key""")
_DELIVERED = Statement("""
    UPDATE digests SET state = 'delivered', error = ''
    WHERE key = $1 AND state = 'pending' RETURNING key""")
_MEMBERS_DELIVERED = Statement("""
    UPDATE deliveries SET state = 'delivered' WHERE digest = $1 AND digest <> '' AND state = 'grouped'""")
_POSTPONE = Statement("""
    UPDATE digests SET next_at = $2, error = $3 WHERE key = $1 AND state = 'pending'""")
_FAILED = Statement("""
    UPDATE digests SET state = 'failed', error = $2
    WHERE key = $1 AND state = 'pending' RETURNING key""")
_FALL_BACK = Statement("""
    INSERT INTO deliveries (key, notice, phase, channel, fallback, state, attempts, next_at, error)
    SELECT notice || '.' || phase || '.' || fallback, notice, phase, fallback, '', 'pending', 0,
        CAST($2 AS BIGINT), ''
    FROM deliveries WHERE digest = $1 AND digest <> '' AND state = 'grouped' AND fallback <> ''
    ON CONFLICT (key) DO NOTHING""")
_MEMBERS_FAILED = Statement("""
    UPDATE deliveries SET state = 'failed', error = $2 WHERE digest = $1 AND digest <> '' AND state = 'grouped'""")
_OVER = Statement("""
    SELECT key, id, kind, owner, size FROM digests
    WHERE channel = $1 AND state IN ('pending', 'delivered') AND phase <> 'resolved'
        AND ended_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM deliveries d JOIN notices n ON n.id = d.notice
            WHERE d.digest = digests.id AND d.digest <> '' AND n.resolved_at IS NULL)""")
_END = Statement("""
    UPDATE digests SET ended_at = $2, state = CASE state WHEN 'pending' THEN 'cancelled' ELSE state END
    WHERE key = $1 AND ended_at IS NULL RETURNING key""")
_TELL_END = Statement("""
    INSERT INTO digests (key, id, channel, phase, kind, owner, size, state, attempts, next_at,
        created_at, ended_at, error)
    SELECT $1, id, channel, 'resolved', kind, owner, size, 'pending', 0, $3, created_at, $4, ''
    FROM digests WHERE key = $2 ON CONFLICT (key) DO NOTHING""")
_MEMBERS_CANCELLED = Statement("""
    UPDATE deliveries SET state = 'cancelled' WHERE digest = $1 AND digest <> '' AND state = 'grouped'""")


class DigestStorage:
    """The tables of deliveries and digests behind the Protocol of grouping."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_groups(self, channel: str, now: float, since: float) -> list[DueGroup]:
        """See Digests."""
        groups = await self._database.fetch(_GROUPS, channel, to_milliseconds(now), int(now))
        if not groups:
            return []
        told = await self._database.fetch(_TOLD, channel, int(since))
        last = await self._database.fetch(_LAST, channel, int(since))
        by_group = {tuple(row[:3]): row[3] for row in told}
        at = {tuple(row[:3]): row[3] for row in last}
        return [
            DueGroup(
                Group(channel, Phase(phase), kind, owner),
                count,
                by_group.get((phase, kind, owner), 0),
                at[phase, kind, owner] + now - since if (phase, kind, owner) in at else 0,
            )
            for phase, kind, owner, count in groups
        ]

    async def members(self, group: Group, now: float) -> list[Delivery]:
        """See Digests."""
        rows = await self._database.fetch(_MEMBERS, *_params(group, now))
        return [
            Delivery(
                key, group.phase, group.channel, fallback, 0, notice_of(tuple(notice)),
                DeliveryState(state), mark,
            )
            for key, fallback, state, mark, *notice in rows
        ]  # fmt: skip # the parts of a row

    async def hold(self, held: Sequence[tuple[Delivery, str]]) -> list[bool]:
        """See Digests."""
        rows = await self._database.decide_all(
            [
                (Write(HOLD, (each.key, each.state.value, each.mark, silence)),)
                for each, silence in held
            ]
        )
        return [row is not None for row in rows]

    async def postpone_group(self, group: Group, now: float, until: float) -> None:
        """See Digests."""
        params = (*_params(group, now), to_milliseconds(until))
        await self._database.apply(Write(_WAIT, params))

    async def form(self, digest: str, group: Group, now: float, since: float, until: float) -> int:
        """See Digests."""
        key = message_key(digest, group.phase, group.channel)
        facts = key, digest, group.channel, group.phase.value, group.kind, group.owner
        formed = await self._database.decide(
            Write(_FORM, (*facts, to_milliseconds(until), int(now), int(since))),
            Write(_JOIN, (*_params(group, now), digest)),
            Write(_COUNT, (key, digest)),
        )
        if formed is None:
            return 0
        ((size,),) = await self._database.fetch(_SIZE, key)
        if not size:  # another worker told them one by one
            await self._database.apply(Write(_DROP, (key,)))
        return size

    async def find_due(self, channel: str, now: float, latest: float, named: int) -> list[Digest]:
        """See Digests."""
        moments = to_milliseconds(now), to_milliseconds(latest)
        rows = await self._database.fetch(_READY, channel, *moments)
        return [await self._digest(row, named) for row in rows]

    async def read(self, key: str, named: int) -> Digest | None:
        """See Digests: one that was just formed, and claimed with that."""
        rows = await self._database.fetch(_ONE, key)
        return await self._digest(rows[0], named, claimed=1) if rows else None

    async def _digest(self, row: Row, named: int, claimed: int = 0) -> Digest:
        _, name, channel, phase, kind, owner, size, attempts, mark, created, ended, critical = row
        first = await self._database.fetch(_NAMED, name, named)
        return Digest(
            id=name,
            group=Group(channel, Phase(phase), kind, owner),
            size=size,
            attempts=attempts - claimed,
            mark=mark,
            created_at=read_time(created),
            ended_at=read_optional_time(ended),
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            named=tuple(subject for (subject,) in first),
        )

    async def claim(self, digest: Digest, until: float) -> bool:
        """See Digests."""
        gate = Write(_CLAIM, (digest.key, digest.mark, to_milliseconds(until)))
        return await self._database.decide(gate) is not None

    async def mark_delivered(self, digest: Digest) -> None:
        """See Digests."""
        await self._database.decide(
            Write(_DELIVERED, (digest.key,)), Write(_MEMBERS_DELIVERED, (digest.id,))
        )

    async def postpone(self, digest: Digest, until: float, error: str) -> None:
        """See Digests."""
        params = digest.key, to_milliseconds(until), error
        await self._database.apply(Write(_POSTPONE, params))

    async def give_up(self, digest: Digest, now: float, error: str) -> None:
        """See Digests."""
        await self._database.decide(
            Write(_FAILED, (digest.key, error)),
            Write(_FALL_BACK, (digest.id, to_milliseconds(now))),
            Write(_MEMBERS_FAILED, (digest.id, error)),
        )

    async def end(self, channel: str, now: float) -> int:
        """See Digests."""
        over = await self._database.fetch(_OVER, channel)
        for key, name, *_ in over:
            end = message_key(name, Phase.RESOLVED, channel)
            await self._database.decide(
                Write(_END, (key, int(now))),
                Write(_TELL_END, (end, key, to_milliseconds(now), int(now))),
                Write(_MEMBERS_CANCELLED, (name,)),
            )
        return len(over)


def _params(group: Group, now: float) -> tuple[object, ...]:
    moments = to_milliseconds(now), int(now)
    return group.channel, *moments, group.phase.value, group.kind, group.owner
