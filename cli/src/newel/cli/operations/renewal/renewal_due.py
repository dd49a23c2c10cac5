"""Whether something with a beginning and an end is due for renewal, by share of its time or by what is left.

The answers are exit codes: 0 due, 1 not due, 2 no such file, 255 anything else.
"""

import datetime as dt
from collections.abc import Callable

from newel.cli.errors import CliError, UsageError

SHARE = 66
NOT_DUE, NO_FILE, FAILED = 1, 2, 255
LARGEST_PERCENT = 100


def report(ask: Callable[[], bool], *, verbose: bool, json: bool) -> int:
    """Return the exit code for what ``ask`` finds or raises; say it in JSON or where it is asked for."""
    from newel.cli.interact.terminal import note

    try:
        due = ask()
    except CliError as error:
        raise CliError(str(error), code=error.code if error.code > 1 else FAILED) from None
    if json:
        from newel.cli.interact.terminal import show_json

        show_json({"needsRenewal": due})
    elif verbose and due:
        print("certificate needs renewal")
    elif verbose:
        note("certificate does not need renewal")
    return 0 if due else NOT_DUE


def is_due(limit: str | None, start: dt.datetime, end: dt.datetime, now: dt.datetime) -> bool:
    """Say whether the share or the remaining time of --expires-in is reached. Raises UsageError.

    Without a limit it is due after two thirds of its time.
    """
    limit = limit or f"{SHARE}%"
    if limit.endswith("%"):
        share = percent(limit)
        total = (end - start).total_seconds()
        used = 100 * (1 - (end - now).total_seconds() / total) if total > 0 else LARGEST_PERCENT
        return int(used) >= share
    from newel.durations.go import parse_duration

    try:
        return parse_duration(limit) >= end - now
    except ValueError:
        raise UsageError(f"invalid value '{limit}' for flag '--expires-in'") from None


def percent(text: str) -> int:
    """Return a share such as ``75%``. Raises UsageError."""
    bad = f"invalid value '{text}' for flag '--expires-in'"
    try:
        share = int(text.removesuffix("%"), 10)
    except ValueError:
        raise UsageError(bad) from None
    if not 0 <= share <= LARGEST_PERCENT:
        raise UsageError(f"{bad}; value must be in range 0-100%")
    return share
