"""Logs on stderr: what happened, with the request's id, never with a secret. JSON lines, or text for a person."""

import logging
import sys
from typing import Any

import msgspec

from newel.runtime.clock import Clock
from newel.runtime.line_sink import LineSink
from newel.runtime.request_id import request_id
from newel.runtime.text_log import CommonSink, TextSink

_encode = msgspec.json.Encoder(enc_hook=str).encode
_SINKS = {"json": LineSink, "text": TextSink, "common": CommonSink}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JSONHandler(logging.Handler):
    """A handler that formats a record as one JSON object with the members of ``extra``."""

    def __init__(self, clock: Clock, sink: LineSink) -> None:
        super().__init__()
        self._clock = clock
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            self._sink.write(self._line(record))
        except Exception:  # noqa: BLE001 - a log line must never take the service down
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> bytes:
        line: dict[str, Any] = {
            "time": self._clock.now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := request_id():
            line["request_id"] = request
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = logging.Formatter().formatException(record.exc_info)
        return _encode(line) + b"\n"


def configure(clock: Clock, level: str = "info", form: str = "json") -> LineSink:
    """Send every log of this process to stderr; return the sink, to be flushed before exit.

    ``form`` is ``json``, ``text`` or ``common`` (requests in the common log format, the rest as text).
    """
    sink = _SINKS[form](sys.stderr.fileno())
    root = logging.getLogger()
    root.handlers = [JSONHandler(clock, sink)]
    root.setLevel(level.upper())
    for noisy in (
        "asyncio",
        "grpc",
        "nats",
        "httpx",
        "httpx2",
        "httpcore",
        "uvicorn",
        "alembic",
        "sqlalchemy",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # asyncio logs this whenever a server closes a stream that the NATS client began without TLS
    logging.getLogger("asyncio").addFilter(
        lambda record: not record.getMessage().startswith("returning true from eof_received()")
    )
    return sink
