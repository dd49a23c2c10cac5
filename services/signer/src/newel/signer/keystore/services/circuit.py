"""A circuit: after several failures in a row a service is left alone for a while, then tried once."""

import threading
from collections.abc import Callable

from newel.runtime.clock import Clock
from newel.signer.keys import KeyUnavailableError

FAILURES = 5
"""The number of failures in a row that open the circuit."""

PAUSE = 10.0
"""Seconds for which an open circuit refuses; then one call is tried, and others wait for its outcome."""


class Circuit:
    """The state of one service: closed while it answers, open while it fails. Thread-safe."""

    def __init__(self, clock: Clock, report: Callable[[bool], None]) -> None:
        self._clock = clock
        self._report = report  # called with True when the circuit opens, with False when it closes
        self._lock = threading.Lock()
        self._failures = 0
        self._tried_at = 0.0
        self._cause = ""
        report(False)

    def require_closed(self) -> None:
        """Raise :class:`KeyUnavailableError` while the circuit is open and no trial is due."""
        with self._lock:
            if self._failures < FAILURES:
                return
            now = self._clock.unix()
            if 0 <= now - self._tried_at < PAUSE:
                raise KeyUnavailableError(
                    f"not tried again for {PAUSE:.0f} s after {self._failures} failures: {self._cause}"
                )
            self._tried_at = now  # this caller tries; the others wait for its outcome

    def record_success(self) -> None:
        """Record that the service answered."""
        with self._lock:
            was_open = self._failures >= FAILURES
            self._failures = 0
            if was_open:
                self._report(False)

    def record_failure(self, cause: str) -> None:
        """Record that the service failed."""
        with self._lock:
            self._failures += 1
            self._cause = cause
            self._tried_at = self._clock.unix()
            if self._failures == FAILURES:
                self._report(True)
