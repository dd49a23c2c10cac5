"""The validity that --not-before and --not-after ask for."""

import datetime as dt
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.client.clock import now
from newel.durations.go import TimeDuration

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation


def asked_for(call: "Invocation") -> tuple[dt.datetime | None, dt.datetime | None]:
    """Both times, durations counting from now; None for what is not given."""
    at = now()
    start, end = resolved(call, "not-before", at), resolved(call, "not-after", at)
    if start and end and start > end:
        raise UsageError(
            f"flag '--not-before {call.get('not-before')}' is incompatible with "
            f"flag '--not-after {call.get('not-after')}'"
        )
    return start, end


def resolved(call: "Invocation", flag: str, at: dt.datetime) -> dt.datetime | None:
    """One time."""
    value = call.get(flag)
    try:
        return TimeDuration.parse(value or "").resolve(at)
    except ValueError:
        raise UsageError(f"invalid value '{value}' for flag '--{flag}'") from None


def completed(
    call: "Invocation", start: dt.datetime | None, end: dt.datetime | None, length: dt.timedelta
) -> tuple[dt.datetime, dt.datetime]:
    """Both times, from now and for ``length`` unless given; an end before the start is refused."""
    begin = start or now()
    finish = end or begin + length
    if begin > finish:
        raise CliError(
            f"invalid value '{call.get('not-after')}' for flag '--not-after': "
            "certificate is already expired"
        )
    return begin, finish
