"""The audit trail as JSON lines: `Audit` on a `LineSink`.

The bounds while the file cannot be written, because its disk is full for instance: once lines have
waited for a second, or 64 KiB of them wait, nothing is issued any more (`require_writable`). Other
decisions wait in memory: refusals and what was under way up to 8 MiB, statuses (OCSP, CRL) up to 12 MiB,
revocations up to 16 MiB; beyond that they are refused too. No decision is dropped while the process lives.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Gauge

from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.line_sink import MAX_BACKLOG, LineSink, SinkFullError
from newel.runtime.request_id import request_id
from newel.runtime.timestamps import Timestamps

LONGEST_STUCK = 1.0
"""Seconds lines may wait for the disk before nothing is issued any more."""
MOST_STUCK = 64 * 1024
"""Octets that may wait for the disk before nothing is issued any more."""
MOST_ORDINARY, MOST_STATUSES = MAX_BACKLOG // 2, MAX_BACKLOG * 3 // 4
"""Octets that may wait before all but statuses and revocations is refused, and all but revocations."""
_STATUSES = frozenset(("crl", "ocsp"))

_encode = msgspec.json.Encoder(enc_hook=str).encode


class AuditLog:
    """Writes each decision of one service.

    A decision that cannot be written is not taken: ``record`` raises ``unavailable`` while the sink
    is full.
    """

    def __init__(self, service: str, clock: Clock, sink: LineSink) -> None:
        self._service = service
        self._times = Timestamps(clock)
        self._sink = sink

    def record(self, event: str, outcome: str, **facts: Any) -> None:
        """Write one line; octets among the facts are written as hexadecimal digits."""
        line: dict[str, Any] = {
            "time": self._times.now(),
            "service": self._service,
            "event": event,
            "outcome": outcome,
        }
        request = request_id()
        if request and "request_id" not in facts:
            line["request_id"] = request
        for name, value in facts.items():
            line[name] = value.hex() if isinstance(value, bytes) else value
        most = _max_waiting(event, outcome, facts) if self._sink.is_stuck else MAX_BACKLOG
        try:
            self._sink.write(_encode(line) + b"\n", most)
        except SinkFullError:
            raise _unwritable_error(self._sink) from None

    def require_writable(self) -> None:
        """Raise ``unavailable`` while the trail cannot be written: called before anything is issued."""
        if self._sink.is_stuck:
            require_written(self._sink)


def _max_waiting(event: str, outcome: str, facts: Mapping[str, Any]) -> int:
    """Return how many octets may wait before a line of this kind is refused."""
    if outcome == "granted" and "revoke" in event:
        return MAX_BACKLOG
    if event == "crl.publish" or facts.get("statement") in _STATUSES:
        return MOST_STATUSES
    return MOST_ORDINARY


def require_written(sink: LineSink) -> None:
    """Write what waits; raise ``unavailable`` when more waits, or waits longer, than is allowed."""
    sink.flush()
    if sink.is_stuck and (sink.stuck_for > LONGEST_STUCK or sink.backlog > MOST_STUCK):
        raise _unwritable_error(sink)


def watch_sink(sink: LineSink, registry: CollectorRegistry) -> None:
    """Export since when the trail cannot be written."""
    Gauge(
        "newel_audit_stuck_seconds",
        "Since when audit lines could not be written; 0: all are written",
        registry=registry,
    ).set_function(lambda: sink.stuck_for)


def _unwritable_error(sink: LineSink) -> NewelError:
    return NewelError(
        ErrorType.UNAVAILABLE,
        "the audit trail cannot be written",
        cause=f"the audit trail cannot be written: {sink.fault or 'too much waits for the disk'}",
    )
