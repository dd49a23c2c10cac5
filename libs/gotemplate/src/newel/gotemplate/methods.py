"""The methods a template may call on times and durations."""

import datetime as dt
from typing import Any

from newel.gotemplate import moments
from newel.gotemplate.calls import Function, takes
from newel.gotemplate.values import Int64, Named

WEEK = (*moments.DAYS[6:], *moments.DAYS[:6])


class Month(Named):
    """A month, 1 to 12."""

    go_type = "time.Month"

    def __str__(self) -> str:
        return moments.MONTHS[self - 1]


class Weekday(Named):
    """A day of the week; Sunday is 0."""

    go_type = "time.Weekday"

    def __str__(self) -> str:
        return WEEK[self]


def method(value: Any, name: str) -> Function | None:
    """The method of this name, bound to the value; None where there is none."""
    if isinstance(value, dt.datetime):
        found = TIME.get(name)
    elif isinstance(value, dt.timedelta):
        found = DURATION.get(name)
    else:
        return None
    if found is None:
        return None
    return Function(lambda *given: found.call(value, *given), found.parameters, found.variadic)


def seconds(moment: dt.datetime) -> int:
    """Whole seconds since 1970."""
    return (moment - moments.EPOCH) // dt.timedelta(seconds=1)


def nanoseconds(value: dt.timedelta) -> int:
    """A duration in Go's unit."""
    return value // dt.timedelta(microseconds=1) * 1000


def later(moment: dt.datetime, years: int, months: int, days: int) -> dt.datetime:
    """The date so much later; days that a month has not run over into the next."""
    count = moment.month - 1 + months
    start = moment.replace(year=moment.year + years + count // 12, month=count % 12 + 1, day=1)
    return start + dt.timedelta(days=moment.day - 1 + days)


def difference(one: dt.datetime, other: dt.datetime) -> dt.timedelta:
    """How much later the one is."""
    return one - other


def year(moment: dt.datetime) -> int:
    """The year."""
    return moment.year


TIME = {
    "Format": takes("string", moments.formatted),
    "String": takes("", moments.time_text),
    "Unix": takes("", lambda moment: Int64(seconds(moment))),
    "UnixMilli": takes(
        "", lambda moment: Int64((moment - moments.EPOCH) // dt.timedelta(milliseconds=1))
    ),
    "UnixNano": takes("", lambda moment: Int64(nanoseconds(moment - moments.EPOCH))),
    "UTC": takes("", lambda moment: moment.astimezone(dt.UTC)),
    "Year": takes("", year),
    "Month": takes("", lambda moment: Month(moment.month)),
    "Day": takes("", lambda moment: moment.day),
    "Hour": takes("", lambda moment: moment.hour),
    "Minute": takes("", lambda moment: moment.minute),
    "Second": takes("", lambda moment: moment.second),
    "Nanosecond": takes("", lambda moment: moment.microsecond * 1000),
    "YearDay": takes("", lambda moment: moment.timetuple().tm_yday),
    "Weekday": takes("", lambda moment: Weekday(moment.isoweekday() % 7)),
    "IsZero": takes("", lambda moment: moment == moments.ZERO),
    "Add": takes("time.Duration", lambda moment, by: moment + by),
    "AddDate": takes("int int int", later),
    "Sub": takes("time", difference),
    "Before": takes("time", lambda one, other: one < other),
    "After": takes("time", lambda one, other: one > other),
    "Equal": takes("time", lambda one, other: one == other),
}
DURATION = {
    "String": takes("", moments.duration_text),
    "Hours": takes("", lambda value: value.total_seconds() / 3600),
    "Minutes": takes("", lambda value: value.total_seconds() / 60),
    "Seconds": takes("", lambda value: value.total_seconds()),
    "Milliseconds": takes("", lambda value: Int64(nanoseconds(value) // 10**6)),
    "Nanoseconds": takes("", lambda value: Int64(nanoseconds(value))),
}
