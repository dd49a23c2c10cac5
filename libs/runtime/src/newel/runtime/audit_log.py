"""The audit trail as JSON lines: `Audit` on a `LineSink`.

Bounds when the file cannot be written, its disk being full for instance: once lines have waited for a
second, or 64 KiB of them wait, nothing is issued any more (`require_writable`). What is decided all the
same waits in memory: refusals and what was under way up to 8 MiB, statuses (OCSP, CRL) up to 12 MiB,
revocations up to 16 MiB; beyond that it is refused too. Nothing that was decided is dropped while the
process lives.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Gauge

from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.line_sink import MOST_WAITING, LineSink, SinkFullError
from newel.runtime.request_id import request_id

LONGEST_STUCK = 1.0
"""Seconds lines may wait for the disk before nothing is issued any more."""
MOST_STUCK = 64 * 1024
"""Octets that may wait for the disk before nothing is issued any more."""
MOST_ORDINARY, MOST_STATUSES = MOST_WAITING // 2, MOST_WAITING * 3 // 4
"""Octets that may wait before all but statuses and revocations is refused, and all but revocations."""
_STATUSES = frozenset(("crl", "ocsp"))

_encode = msgspec.json.Encoder(enc_hook=str).encode


class AuditLog:
    """Writes each decision of one service. A decision that cannot be written down is not taken:
    ``record`` raises ``unavailable`` once the sink has no room left.
    """

    def __init__(self, service: str, clock: Clock, sink: LineSink) -> None:
        self._service = service
        self._clock = clock
        self._sink = sink

    def record(self, event: str, outcome: str, **facts: Any) -> None:
        """One line; octets among the facts are written as hexadecimal digits."""
        line: dict[str, Any] = {
            "time": self._clock.now().isoformat(timespec="milliseconds"),
            "service": self._service,
            "event": event,
            "outcome": outcome,
        }
        request = request_id()
        if request and "request_id" not in facts:
            line["request_id"] = request
        for name, value in facts.items():
            line[name] = value.hex() if isinstance(value, bytes) else value
        most = _room(event, outcome, facts) if self._sink.stuck else MOST_WAITING
        try:
            self._sink.write(_encode(line) + b"\n", most)
        except SinkFullError:
            raise _unwritable(self._sink) from None

    def require_writable(self) -> None:
        """Raises ``unavailable`` while the trail cannot be written: before anything is issued."""
        if self._sink.stuck:
            require_written(self._sink)


def _room(event: str, outcome: str, facts: Mapping[str, Any]) -> int:
    """How many octets may wait for a line of this kind to be taken."""
    if outcome == "granted" and "revoke" in event:
        return MOST_WAITING
    if event == "crl.publish" or facts.get("statement") in _STATUSES:
        return MOST_STATUSES
    return MOST_ORDINARY


def require_written(sink: LineSink) -> None:
    """Tries to write what waits; raises ``unavailable`` when more waits, or longer, than is allowed."""
    sink.flush()
    if sink.stuck and (sink.stuck_for > LONGEST_STUCK or sink.waiting > MOST_STUCK):
        raise _unwritable(sink)


def watch_sink(sink: LineSink, registry: CollectorRegistry) -> None:
    """Shows since when the trail cannot be written."""
    Gauge(
        "newel_audit_stuck_seconds",
        "Since when audit lines could not be written; 0: all are written",
        registry=registry,
    ).set_function(lambda: sink.stuck_for)


def _unwritable(sink: LineSink) -> NewelError:
    return NewelError(
        ErrorType.UNAVAILABLE,
        "the audit trail cannot be written",
        cause=f"the audit trail cannot be written: {sink.fault or 'too much waits for the disk'}",
    )
