"""Reads pages of alerts, one of them, and what became of its deliveries."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from newel.alerting.alerts import DeliveryRecord, DeliveryState
from newel.alerting.notices import Notice, Phase
from newel.alerting.storage.notices import NOTICE, notice_of
from newel.runtime.database.contract import Database, Row, Statement
from newel.runtime.database.listing import ListQuery, Page
from newel.runtime.database.paging import Clause, Rows, Where, compare, match_substring, read_page
from newel.runtime.database.times import read_optional_time, read_time, to_seconds

# One that was over before it was opened was never an alert: it only keeps a late event from opening one.
_OPENED = "opened_at IS NOT NULL"
_SELECT = f"SELECT position, {NOTICE} FROM notices"  # noqa: S608 - a constant
_ONE = Statement(f"SELECT {NOTICE} FROM notices WHERE id = $1 AND {_OPENED}")  # noqa: S608 - constants
_DELIVERY = """position, channel, phase, state, attempts, attempted_at, next_at, error, fallback,
    silence, key, notice, digest"""
_DELIVERIES = Statement(
    f"SELECT {_DELIVERY} FROM deliveries WHERE notice = $1 ORDER BY position"  # noqa: S608 - a constant
)
_ONE_DELIVERY = Statement(f"SELECT {_DELIVERY} FROM deliveries WHERE key = $1")  # noqa: S608 - a constant
_ALL_DELIVERIES = Rows(
    f"SELECT {_DELIVERY} FROM deliveries",  # noqa: S608 - a constant
    "deliveries",
    {
        "state": compare("state = {}"),
        "channel": compare("channel = {}"),
        "alert": compare("notice = {}"),
    },
    {"queued": "position"},
    {"position": 0},
    lambda _, name: name == "alert",
)


def _state(where: Where, state: Any) -> None:
    where.add("resolved_at IS NULL" if state == "open" else "resolved_at IS NOT NULL")


def _match_acknowledged(where: Where, answer: Any) -> None:
    where.add("acknowledged_at IS NOT NULL" if answer == "yes" else "acknowledged_at IS NULL")


_CLAUSES: Mapping[str, Clause] = {
    "state": _state,
    "severity": compare("severity = {}"),
    "kind": compare("kind = {}"),
    "owner": compare("owner = {}"),
    "acknowledged": _match_acknowledged,
    "endpoint": compare("endpoint = {}"),
    "serial": compare("serial = {}"),
    "subject": compare("subject = {}"),
    "provisioner": compare("provisioner = {}"),
    "search": match_substring("subject", "names"),
    "opened_after": compare("opened_at >= {}"),
    "opened_before": compare("opened_at < {}"),
    "group": compare("id IN (SELECT notice FROM deliveries WHERE digest = {} AND digest <> '')"),
}


def _narrows(query: ListQuery, name: str) -> bool:
    by_opening = name.startswith("opened_") or (name, query.filters[name]) == ("state", "open")
    return name in {"endpoint", "serial", "group"} or (query.sort == "opened" and by_opening)


_ALERTS = Rows(
    _SELECT,
    "notices",
    _CLAUSES,
    {"opened": "opened_at", "expires": "not_after"},
    {"opened_at": 11, "not_after": 8},
    _narrows,
    (_OPENED,),
)


class ListingStorage:
    """The tables of ``migrations`` as administrators read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def alerts(self, query: ListQuery, now: dt.datetime) -> Page[Notice]:
        """Read one page of alerts."""
        rows, mark = await read_page(self._database, _ALERTS, query, to_seconds(now))
        return Page([notice_of(row[1:]) for row in rows], mark)

    async def alert(self, notice: str) -> Notice | None:
        """Read one alert; None without it."""
        rows = await self._database.fetch(_ONE, notice)
        return notice_of(rows[0]) if rows else None

    async def deliveries(self, notice: str) -> list[DeliveryRecord]:
        """Read what each channel received of an alert or is still to receive, in order."""
        return [_record(row) for row in await self._database.fetch(_DELIVERIES, notice)]

    async def delivery(self, key: str) -> DeliveryRecord | None:
        """Read one delivery; None without it."""
        rows = await self._database.fetch(_ONE_DELIVERY, key)
        return _record(rows[0]) if rows else None

    async def all_deliveries(self, query: ListQuery, now: dt.datetime) -> Page[DeliveryRecord]:
        """Read one page of the deliveries of all alerts."""
        rows, mark = await read_page(self._database, _ALL_DELIVERIES, query, to_seconds(now))
        return Page([_record(row) for row in rows], mark)


def _record(row: Row) -> DeliveryRecord:
    _, channel, phase, state, attempts, attempted_at, next_at, error, fallback, *rest = row
    silence, key, notice, group = rest
    return DeliveryRecord(
        channel=channel,
        phase=Phase(phase),
        state=DeliveryState(state),
        attempts=attempts,
        attempted_at=read_optional_time(attempted_at),
        next_at=read_time(next_at // 1000),
        error=error,
        fallback=fallback,
        silence=silence,
        key=key,
        notice=notice,
        group=group,
    )
