"""Whether something with a beginning and an end is due for renewal, by share of its time or by what is left.

The answers are exit codes: 0 due, 1 not due, 2 no such file, 255 anything else.
"""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation

SHARE = 66
NOT_DUE, NO_FILE, FAILED = 1, 2, 255
LARGEST_PERCENT = 100


def answered(call: "Invocation", ask: Callable[[], bool]) -> int:
    """The exit code for what ``ask`` finds or raises; --verbose says it."""
    from newel.cli.interact.terminal import note

    try:
        due = ask()
    except CliError as error:
        raise CliError(str(error), code=error.code if error.code > 1 else FAILED) from None
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"needsRenewal": due})
    elif call.on("verbose") and due:
        print("certificate needs renewal")
    elif call.on("verbose"):
        note("certificate does not need renewal")
    return 0 if due else NOT_DUE


def due(call: "Invocation", start: dt.datetime, end: dt.datetime, now: dt.datetime) -> bool:
    """Whether --expires-in, or two thirds when it is not given, is reached. Raises UsageError."""
    limit = call.get("expires-in") or f"{SHARE}%"
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
    """A share such as ``75%``. Raises UsageError."""
    bad = f"invalid value '{text}' for flag '--expires-in'"
    try:
        share = int(text.removesuffix("%"), 10)
    except ValueError:
        raise UsageError(bad) from None
    if not 0 <= share <= LARGEST_PERCENT:
        raise UsageError(f"{bad}; value must be in range 0-100%")
    return share
