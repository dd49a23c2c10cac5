"""The validity that --not-before and --not-after ask for."""

import datetime as dt

from newel.cli.errors import CliError, UsageError
from newel.client.clock import now
from newel.durations.go import TimeDuration


def resolve_both(
    not_before: str | None, not_after: str | None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return both times, durations counting from now; None for what is not given. Raises UsageError."""
    at = now()
    start, end = resolve(not_before, "not-before", at), resolve(not_after, "not-after", at)
    if start and end and start > end:
        raise UsageError(
            f"flag '--not-before {not_before}' is incompatible with flag '--not-after {not_after}'"
        )
    return start, end


def resolve(value: str | None, flag: str, at: dt.datetime) -> dt.datetime | None:
    """Return one time, None for no value. Raises UsageError."""
    try:
        return TimeDuration.parse(value or "").resolve(at)
    except ValueError:
        raise UsageError(f"invalid value '{value}' for flag '--{flag}'") from None


def complete(
    not_after: str | None, start: dt.datetime | None, end: dt.datetime | None, length: dt.timedelta
) -> tuple[dt.datetime, dt.datetime]:
    """Return both times, from now and for ``length`` unless given. Raises CliError for a past end.

    ``not_after`` is the end as it was written, for the error.
    """
    begin = start or now()
    finish = end or begin + length
    if begin > finish:
        raise CliError(
            f"invalid value '{not_after}' for flag '--not-after': certificate is already expired"
        )
    return begin, finish
