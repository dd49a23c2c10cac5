"""The time as log lines have it: ISO 8601 in UTC, to the millisecond."""

import datetime as dt

from newel.runtime.clock import Clock


class Timestamps:
    """Writes a clock's time; what is before the fraction is written once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._head = ""

    def now(self) -> str:
        """Return the time, such as ``2026-12-01T05:00:00.123+00:00``."""
        now = self._clock.unix()
        second = int(now)
        if second != self._second:
            self._head = dt.datetime.fromtimestamp(second, dt.UTC).isoformat()[:19]
            self._second = second
        # a half microsecond more, because a number of binary digits may be just below what it stands for
        return f"{self._head}.{min(999, int((now - second) * 1000 + 0.0005)):03d}+00:00"
