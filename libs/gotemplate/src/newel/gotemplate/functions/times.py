"""Times and durations. The only zone is UTC: where the authority runs does not concern certificates."""

import datetime as dt
from typing import Any

from newel.gotemplate import time_format
from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.numbers import atoi
from newel.gotemplate.methods import unix_seconds
from newel.gotemplate.time_parse import parse_time
from newel.gotemplate.values import Int64

UTC_NAMES = frozenset({"", "UTC", "Local"})
SPANS = (("y", 365 * 86400), ("mo", 30 * 86400), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def moment(budget: Budget, value: Any) -> dt.datetime:
    """Convert to a time: integers are seconds since 1970, any other value is now."""
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return time_format.EPOCH + dt.timedelta(seconds=value)
    return budget.now()


def to_time(budget: Budget, value: Any) -> dt.datetime:
    """Convert to a time in UTC; floats are seconds since 1970, too."""
    found = int(value) if isinstance(value, float) else value
    return moment(budget, found).astimezone(dt.UTC)


def format_date(budget: Budget, layout: str, value: Any) -> str:
    """Format the time by a layout."""
    return time_format.format_time(moment(budget, value).astimezone(dt.UTC), layout)


def format_date_in(budget: Budget, layout: str, value: Any, zone: str) -> str:
    """Format the time by a layout, in a zone, which has to be UTC."""
    check_zone(zone)
    return format_date(budget, layout, value)


def check_zone(name: str) -> None:
    """Refuse every zone but UTC."""
    if name not in UTC_NAMES:
        raise CallError(f"unknown time zone {name}")


def must_parse(budget: Budget, *words: str) -> dt.datetime:
    """Parse a time: in RFC 3339, by a layout, or by layout and zone; without words, return now."""
    if len(words) > 3:
        raise CallError("unsupported number of parameters")
    if not words:
        return budget.now()
    if len(words) == 3:
        check_zone(words[2])
    layout = time_format.layout_of(words[0]) if len(words) > 1 else time_format.RFC3339
    return parse_time(layout, words[min(1, len(words) - 1)])


def parse(budget: Budget, *words: str) -> dt.datetime:
    """Parse a time like ``must_parse``; the year 1 for invalid text."""
    try:
        return must_parse(budget, *words)
    except CallError:
        return time_format.ZERO


def to_date(layout: str, text: str) -> dt.datetime:
    """Parse a time by a layout; the year 1 for invalid text."""
    try:
        return parse_time(layout, text)
    except CallError:
        return time_format.ZERO


def must_modify(change: str, value: dt.datetime) -> dt.datetime:
    """Move a time by a duration such as ``-1.5h``."""
    return value + time_format.parse_duration(change)


def modify(change: str, value: dt.datetime) -> dt.datetime:
    """Move a time by a duration; unchanged for an invalid duration."""
    try:
        return must_modify(change, value)
    except CallError:
        return value


def ago(budget: Budget, value: Any) -> str:
    """Return the time passed since a moment, in seconds."""
    passed = budget.since(moment(budget, value))
    return time_format.duration_text(dt.timedelta(seconds=round(passed.total_seconds())))


def span(value: Any) -> str:
    """Format a number of seconds as a duration."""
    count = value if isinstance(value, Int64) else atoi(value) if isinstance(value, str) else 0
    return time_format.duration_text(dt.timedelta(seconds=count))


def span_rounded(budget: Budget, value: Any) -> str:
    """Format a duration in its largest unit, such as ``3mo``."""
    total = 0.0
    if isinstance(value, str):
        try:
            total = time_format.parse_duration(value).total_seconds()
        except CallError:
            total = 0.0
    elif isinstance(value, Int64):
        total = value / 10**9
    elif isinstance(value, dt.datetime):
        total = budget.since(value).total_seconds()
    return next(
        (f"{int(abs(total) // size)}{unit}" for unit, size in SPANS if abs(total) > size), "0s"
    )


def html_date(budget: Budget, value: Any) -> str:
    """Format the date for HTML's date fields."""
    return format_date(budget, "2006-01-02", value)


def html_date_in(budget: Budget, value: Any, zone: str) -> str:
    """Format the date for HTML's date fields, in a zone, which has to be UTC."""
    return format_date_in(budget, "2006-01-02", value, zone)


def rfc3339(budget: Budget, value: Any) -> str:
    """Format the time as RFC 3339 does."""
    return time_format.format_time(to_time(budget, value), time_format.RFC3339)


FUNCTIONS: Functions = {
    "now": declare("", lambda budget: budget.now(), bounded=True),
    "toTime": declare("any", to_time, bounded=True),
    "formatTime": declare("any", rfc3339, bounded=True),
    "parseTime": declare("...string", parse, bounded=True),
    "mustParseTime": declare("...string", must_parse, bounded=True),
    "toTimeLayout": declare("string", time_format.layout_of),
    "date": declare("string any", format_date, bounded=True),
    "date_in_zone": declare("string any string", format_date_in, bounded=True),
    "dateInZone": declare("string any string", format_date_in, bounded=True),
    "date_modify": declare("string time", modify),
    "dateModify": declare("string time", modify),
    "must_date_modify": declare("string time", must_modify),
    "mustDateModify": declare("string time", must_modify),
    "toDate": declare("string string", to_date),
    "mustToDate": declare("string string", parse_time),
    "htmlDate": declare("any", html_date, bounded=True),
    "htmlDateInZone": declare("any string", html_date_in, bounded=True),
    "ago": declare("any", ago, bounded=True),
    "duration": declare("any", span),
    "durationRound": declare("any", span_rounded, bounded=True),
    "unixEpoch": declare("time", lambda value: str(unix_seconds(value))),
}
