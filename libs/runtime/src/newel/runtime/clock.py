"""The one place where the wall clock is read."""

import datetime as dt
import time
from typing import Protocol

AHEAD = 60.0
"""Seconds by which a time on record may be ahead of this machine's clock. What is further in the future
was written down while a clock was wrong, and is no proof that anything happened lately.
"""


class Clock(Protocol):
    """A source of the time. Services are given one, so that tests can move it."""

    def now(self) -> dt.datetime:
        """Return the time, aware, in UTC."""
        ...

    def unix(self) -> float:
        """Return the same in seconds since 1970."""
        ...


def is_future(at: float, now: float) -> bool:
    """Tell whether a recorded time (seconds since 1970) was written by a clock that ran ahead."""
    return at > now + AHEAD


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """Return the time, aware, in UTC."""
        return dt.datetime.now(dt.UTC)  # noqa: TID251 - this is that place

    def unix(self) -> float:
        """Return the same in seconds since 1970."""
        return time.time()  # noqa: TID251 - this is that place


class ManualClock:
    """A clock that stands still until it is moved: for tests and simulations."""

    def __init__(self, start: dt.datetime) -> None:
        self._now = start

    def now(self) -> dt.datetime:
        """Return the time it was last set to."""
        return self._now

    def unix(self) -> float:
        """Return the same in seconds since 1970."""
        return self._now.timestamp()

    def advance(self, by: dt.timedelta) -> None:
        """Move the clock forward (or, with a negative duration, back)."""
        self._now += by
