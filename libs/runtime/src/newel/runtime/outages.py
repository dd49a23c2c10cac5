"""The log of an outage: one line when it begins, one a minute, one when it is over.

An outage is a state and not a fault of the program: it is logged without a traceback. A fault is logged
with one, once, and otherwise at the same rate.
"""

import logging
import sqlite3
import time
from typing import Any

import grpc

from newel.runtime.errors import ErrorType, NewelError

LOG_INTERVAL = 60.0
"""Seconds between two lines about the same outage."""


class Outage:
    """The state of one piece of work that is tried again and again."""

    def __init__(self, log: logging.Logger, what: str, **extra: Any) -> None:
        self._log = log
        self._what = what
        self._extra = extra
        self._failures = 0
        self._logged_at = 0.0
        self._cause = ""

    def note_failure(self, error: BaseException) -> None:
        """Log a failure, unless the same was logged lately."""
        self._failures += 1
        now = time.monotonic()
        cause = describe_cause(error)
        kind = f"{type(error).__name__} {is_outage(error)}"
        if kind == self._cause and now - self._logged_at < LOG_INTERVAL:
            return
        first = kind != self._cause
        self._cause, self._logged_at = kind, now
        fault = first and not is_outage(error)
        count = f" (failure {self._failures})" if self._failures > 1 else ""
        self._log.log(
            logging.ERROR if fault else logging.WARNING,
            "%s failed: %s%s",
            self._what,
            cause,
            count,
            exc_info=error if fault else None,
            extra=self._extra,
        )

    def note_recovery(self) -> None:
        """Log the recovery, if anything had failed."""
        if self._failures:
            self._log.info(
                "%s works again after %d failures", self._what, self._failures, extra=self._extra
            )
            self._failures, self._cause = 0, ""


def is_outage(error: BaseException) -> bool:
    """Tell whether an error means that something else is unreachable, and not a fault of this program."""
    if isinstance(error, NewelError):
        return error.type is ErrorType.UNAVAILABLE
    known = OSError | TimeoutError | grpc.RpcError | sqlite3.OperationalError
    return isinstance(error, known) or type(error).__module__.startswith("nats.")


def describe_cause(error: BaseException) -> str:
    """Describe an error in one line."""
    if isinstance(error, NewelError):
        return error.cause
    details = getattr(error, "details", None)
    if isinstance(error, grpc.RpcError) and callable(details):
        return f"{type(error).__name__}: {details()}"
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
