"""The methods a template may call on times, durations and versions."""

import datetime as dt
from typing import Any

from newel.gotemplate import time_format
from newel.gotemplate.calls import Function, declare
from newel.gotemplate.values import Int64, NamedInteger
from newel.gotemplate.versions import METHODS, Version

WEEK = (*time_format.DAYS[6:], *time_format.DAYS[:6])


class Month(NamedInteger):
    """A month, 1 to 12."""

    go_type = "time.Month"

    def __str__(self) -> str:
        return time_format.MONTHS[self - 1]


class Weekday(NamedInteger):
    """A day of the week; Sunday is 0."""

    go_type = "time.Weekday"

    def __str__(self) -> str:
        return WEEK[self]


def method(value: Any, name: str) -> Function | None:
    """Return the method of this name, bound to the value; None if it has none."""
    if isinstance(value, dt.datetime):
        found = TIME.get(name)
    elif isinstance(value, dt.timedelta):
        found = DURATION.get(name)
    elif isinstance(value, Version):
        found = METHODS.get(name)
    else:
        return None
    if found is None:
        return None
    return Function(lambda *given: found.call(value, *given), found.parameters, found.variadic)


def unix_seconds(moment: dt.datetime) -> int:
    """Return whole seconds since 1970."""
    return (moment - time_format.EPOCH) // dt.timedelta(seconds=1)


def nanoseconds(value: dt.timedelta) -> int:
    """Return a duration in Go's unit."""
    return value // dt.timedelta(microseconds=1) * 1000


def add_date(moment: dt.datetime, years: int, months: int, days: int) -> dt.datetime:
    """Add to a date; days beyond the month's end run over into the next."""
    count = moment.month - 1 + months
    start = moment.replace(year=moment.year + years + count // 12, month=count % 12 + 1, day=1)
    return start + dt.timedelta(days=moment.day - 1 + days)


def difference(one: dt.datetime, other: dt.datetime) -> dt.timedelta:
    """Return how much later the first is."""
    return one - other


def year(moment: dt.datetime) -> int:
    """Return the year."""
    return moment.year


TIME = {
    "Format": declare("string", time_format.format_time),
    "String": declare("", time_format.time_text),
    "Unix": declare("", lambda moment: Int64(unix_seconds(moment))),
    "UnixMilli": declare(
        "", lambda moment: Int64((moment - time_format.EPOCH) // dt.timedelta(milliseconds=1))
    ),
    "UnixNano": declare("", lambda moment: Int64(nanoseconds(moment - time_format.EPOCH))),
    "UTC": declare("", lambda moment: moment.astimezone(dt.UTC)),
    "Year": declare("", year),
    "Month": declare("", lambda moment: Month(moment.month)),
    "Day": declare("", lambda moment: moment.day),
    "Hour": declare("", lambda moment: moment.hour),
    "Minute": declare("", lambda moment: moment.minute),
    "Second": declare("", lambda moment: moment.second),
    "Nanosecond": declare("", lambda moment: moment.microsecond * 1000),
    "YearDay": declare("", lambda moment: moment.timetuple().tm_yday),
    "Weekday": declare("", lambda moment: Weekday(moment.isoweekday() % 7)),
    "IsZero": declare("", lambda moment: moment == time_format.ZERO),
    "Add": declare("time.Duration", lambda moment, by: moment + by),
    "AddDate": declare("int int int", add_date),
    "Sub": declare("time", difference),
    "Before": declare("time", lambda one, other: one < other),
    "After": declare("time", lambda one, other: one > other),
    "Equal": declare("time", lambda one, other: one == other),
}
DURATION = {
    "String": declare("", time_format.duration_text),
    "Hours": declare("", lambda value: value.total_seconds() / 3600),
    "Minutes": declare("", lambda value: value.total_seconds() / 60),
    "Seconds": declare("", lambda value: value.total_seconds()),
    "Milliseconds": declare("", lambda value: Int64(nanoseconds(value) // 10**6)),
    "Nanoseconds": declare("", lambda value: Int64(nanoseconds(value))),
}
