"""Times on the command line: RFC 3339 or a Go duration."""

import datetime as dt
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation


def for_authority(call: "Invocation", flag: str) -> str:
    """The flag's time as the API carries it, unresolved: the authority's clock decides; "" for none."""
    from newel.durations.go import TimeDuration

    value = call.get(flag)
    try:
        return str(TimeDuration.parse(value or ""))
    except ValueError:
        raise invalid(value, flag) from None


def resolved(call: "Invocation", flag: str, now: dt.datetime) -> dt.datetime | None:
    """The flag's time, a duration counting from now; None when it is not given."""
    from newel.durations.go import TimeDuration

    value = call.get(flag)
    try:
        return TimeDuration.parse(value or "").resolve(now)
    except ValueError:
        raise invalid(value, flag) from None


def duration(call: "Invocation", flag: str) -> dt.timedelta | None:
    """The flag's duration, which is positive; None when it is not given."""
    from newel.durations.go import parse_duration

    value = call.get(flag)
    if value is None:
        return None
    try:
        found = parse_duration(value)
    except ValueError:
        raise invalid(value, flag) from None
    if found < dt.timedelta(0):
        raise UsageError(f"flag '--{flag}' must be greater than or equal to 0")
    return found


def invalid(value: str | None, flag: str) -> UsageError:
    """What is said of a time nobody understands."""
    return UsageError(
        f"invalid value '{value}' for flag '--{flag}'; it is neither an RFC 3339 time nor a duration"
    )
