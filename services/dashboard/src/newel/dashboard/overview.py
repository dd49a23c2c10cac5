"""The first page: what needs a person, and the authority in numbers, each a link to what it counts."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from newel.dashboard.interfaces import Caller, Interfaces
from newel.dashboard.rendering import read_time
from newel.runtime.errors import NewelError

CERTIFICATES = "/dashboard/certificates"
_MAX_ALERTS = 20


class _Readiness(msgspec.Struct):
    """What ``/readyz`` says is missing, by name."""

    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that needs a person."""

    text: str
    href: str
    severity: str


async def read_overview(
    interfaces: Interfaces, validation: Interfaces, caller: Caller
) -> dict[str, Any]:
    """Read what the first page shows. A part that does not answer is among what needs a person."""
    counts, alerts, health = await asyncio.gather(
        _try(interfaces.read(caller, "/inventory/overview")),
        _try(interfaces.read(caller, "/alerts", {"state": "open", "limit": str(_MAX_ALERTS)})),
        _try(validation.call(Caller(None, caller.client), "GET", "/readyz")),
    )
    attention = [*_check("The inventory", counts), *_check("Alerting", alerts)]
    attention += _read_health(health)
    if not isinstance(alerts, NewelError):
        attention += [_describe(each) for each in alerts["alerts"]]
        if alerts["next"]:
            attention.append(Attention("There are more alerts.", "/dashboard/alerts", "warning"))
    found = None if isinstance(counts, NewelError) else counts
    return {
        "attention": attention,
        "counts": found,
        "expiring": _bars(found["expiring_by_day"], "expires", "%Y-%m-%d") if found else [],
        "issued": _bars(found["issued_by_hour"], "issued", "%H:%M UTC") if found else [],
    }


async def _try(answer: Awaitable[Any]) -> Any:
    """Return what a part answers, or the error as a value, so that the page shows the other parts."""
    try:
        return await answer
    except NewelError as error:
        return error


def _check(part: str, answer: Any) -> list[Attention]:
    if not isinstance(answer, NewelError):
        return []
    return [Attention(f"{part} could not be asked: {answer.detail}", "", "critical")]


def _read_health(answer: Any) -> list[Attention]:
    if isinstance(answer, NewelError):
        return _check("The health", answer)
    status, body = answer
    if status == 200:
        return []
    try:
        missing = msgspec.json.decode(body, type=_Readiness).missing
    except msgspec.DecodeError:
        missing = {"readiness": f"HTTP status {status}"}
    return [
        Attention(f"The authority is not ready: {name}: {cause}"[:512], "", "critical")
        for name, cause in missing.items()
    ]


def _describe(alert: Mapping[str, Any]) -> Attention:
    name = alert.get("subject") or "a certificate without a name"
    verb = "has expired" if alert.get("severity") == "critical" else "is late for renewal"
    text = f"{name} {verb}" if alert.get("kind", "expiring") == "expiring" else str(alert["title"])
    if alert.get("acknowledged_by"):
        text += f"; {alert['acknowledged_by']} looks after it"
    href = f"/dashboard/alerts/{quote(str(alert['id']), safe='')}"
    return Attention(f"{text}.", href, str(alert.get("severity", "warning")))


def _bars(buckets: Sequence[Mapping[str, Any]], kind: str, label: str) -> list[dict[str, Any]]:
    bars: list[dict[str, Any]] = []
    for each in buckets:
        params = {f"{kind}_after": each["start"], f"{kind}_before": each["end"]}
        if kind == "expires":
            params |= {"state": "active", "sort": "expires"}
        start: dt.datetime = read_time(each["start"])
        bars.append(
            {
                "count": each["count"],
                "label": format(start, label),
                "href": f"{CERTIFICATES}?{urlencode(params)}",
            }
        )
    return bars
