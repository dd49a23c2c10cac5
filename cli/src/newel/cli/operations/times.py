"""Times on the command line: RFC 3339 or a Go duration."""

import datetime as dt
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError

if TYPE_CHECKING:
    from newel.durations.go import TimeDuration


def parse_time(value: str | None, flag: str) -> "TimeDuration":
    """Return a flag's time, a duration still unresolved; one that is zero for no value. Raises UsageError.

    Its text is what the API carries: the authority's own clock resolves a duration.
    """
    from newel.durations.go import TimeDuration

    try:
        return TimeDuration.parse(value or "")
    except ValueError:
        raise invalid(value, flag) from None


def resolve_time(value: str | None, flag: str, now: dt.datetime) -> dt.datetime | None:
    """Return a flag's time, a duration counting from ``now``; None for no value. Raises UsageError."""
    try:
        return parse_time(value, flag).resolve(now)
    except ValueError:
        raise invalid(value, flag) from None


def parse_duration(value: str | None, flag: str) -> dt.timedelta | None:
    """Return a flag's duration, which is not negative; None for no value. Raises UsageError."""
    from newel.durations import go

    if value is None:
        return None
    try:
        found = go.parse_duration(value)
    except ValueError:
        raise invalid(value, flag) from None
    if found < dt.timedelta(0):
        raise UsageError(f"flag '--{flag}' must be greater than or equal to 0")
    return found


def invalid(value: str | None, flag: str) -> UsageError:
    """Return the error for a value that is no time."""
    return UsageError(
        f"invalid value '{value}' for flag '--{flag}'; it is neither an RFC 3339 time nor a duration"
    )
