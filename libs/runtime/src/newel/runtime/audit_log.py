"""The audit trail as JSON lines: `Audit` on a `LineSink`."""

from typing import Any

import msgspec

from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.line_sink import LineSink, SinkFullError
from newel.runtime.request_id import request_id

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
        try:
            self._sink.write(_encode(line) + b"\n")
        except SinkFullError:
            raise NewelError(
                ErrorType.UNAVAILABLE, "the audit trail cannot be written", cause="audit sink full"
            ) from None
