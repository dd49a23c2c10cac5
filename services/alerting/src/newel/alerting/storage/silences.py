"""Silences as they are written and read."""

from dataclasses import asdict
from typing import Any

import msgspec

from newel.alerting.silences import Matchers, Silence
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.database.listing import ListQuery, Page
from newel.runtime.database.paging import Clause, Rows, Where, read_page
from newel.runtime.database.times import read_optional_time, read_time, to_seconds

MOST = 1000
"""How many silences there may be that are not over."""

ACTIVE = "ended_at IS NULL AND starts_at <= $4 AND ends_at > $4"
"""The condition of a silence that holds back what matches, with the time as the fourth parameter."""

SILENCE = "id, matchers, reason, created_by, created_at, starts_at, ends_at, ended_at, ended_by"
"""The columns `silence_of` reads."""

_ADD = Statement(f"""
    INSERT INTO silences (id, matchers, reason, created_by, created_at, starts_at, ends_at)
    SELECT $1, $2, $3, $4, $5, $6, $7
    WHERE (SELECT count(*) FROM silences WHERE ended_at IS NULL AND ends_at > $5) < {MOST}
    RETURNING id""")  # noqa: S608 - a constant
_END = Statement("""
    UPDATE silences SET ended_at = $2, ended_by = $3
    WHERE id = $1 AND ended_at IS NULL AND ends_at > $2 RETURNING id""")
_ONE = Statement(f"SELECT {SILENCE} FROM silences WHERE id = $1")  # noqa: S608 - a constant
_ACTIVE = Statement(f"SELECT {SILENCE} FROM silences WHERE {ACTIVE.replace('$4', '$1')}")  # noqa: S608 - constants
_FORGET = Statement("DELETE FROM silences WHERE ends_at < $1")


def _state(where: Where, state: Any) -> None:
    now = where.now
    if state == "over":
        where.add("(ended_at IS NOT NULL OR ends_at <= {})", now)
    elif state == "active":
        where.add("ended_at IS NULL AND starts_at <= {} AND ends_at > {}", now, now)
    else:
        where.add("ended_at IS NULL AND starts_at > {}", now)


_CLAUSES: dict[str, Clause] = {"state": _state}


def _narrows(_: ListQuery, __: str) -> bool:
    return False


_SILENCES = Rows(
    f"SELECT position, {SILENCE} FROM silences",  # noqa: S608 - a constant
    "silences",
    _CLAUSES,
    {"ends": "ends_at"},
    {"ends_at": 7},
    _narrows,
)


class SilenceStorage:
    """The table of silences."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, silence: Silence) -> bool:
        """Add a silence; False when there are `MOST` already."""
        row = (
            silence.id,
            msgspec.json.encode(asdict(silence.matchers)).decode(),
            silence.reason,
            silence.created_by,
            to_seconds(silence.created_at),
            to_seconds(silence.starts_at),
            to_seconds(silence.ends_at),
        )
        return await self._database.decide(Write(_ADD, row)) is not None

    async def end(self, silence: str, by: str, now: int) -> bool:
        """End a silence before its time; False when it is over, or there is none."""
        return await self._database.decide(Write(_END, (silence, now, by))) is not None

    async def find(self, silence: str) -> Silence | None:
        """Read one silence; None without it."""
        rows = await self._database.fetch(_ONE, silence)
        return silence_of(rows[0]) if rows else None

    async def find_active(self, now: int) -> list[Silence]:
        """Read the silences that hold back what matches now."""
        return [silence_of(row) for row in await self._database.fetch(_ACTIVE, now)]

    async def list(self, query: ListQuery, now: int) -> Page[Silence]:
        """Read one page of silences."""
        rows, mark = await read_page(self._database, _SILENCES, query, now)
        return Page([silence_of(row[1:]) for row in rows], mark)

    async def forget(self, before: int) -> None:
        """Remove what ended before then."""
        await self._database.apply(Write(_FORGET, (before,)))


def silence_of(row: Row) -> Silence:
    """Build a silence from its columns."""
    return Silence(
        id=row[0],
        matchers=Matchers(**msgspec.json.decode(row[1], type=dict[str, str])),
        reason=row[2],
        created_by=row[3],
        created_at=read_time(row[4]),
        starts_at=read_time(row[5]),
        ends_at=read_time(row[6]),
        ended_at=read_optional_time(row[7]),
        ended_by=row[8],
    )
