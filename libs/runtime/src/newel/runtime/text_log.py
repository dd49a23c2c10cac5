"""The same log for a person at a terminal: a line of text for each JSON line."""

import json
from typing import Any

from newel.runtime.line_sink import MOST_WAITING, LineSink

_PROBES = frozenset(("/livez", "/readyz", "/health", "/metrics"))
_PLACED = frozenset(("time", "level", "logger", "message", "exception", "request_id"))
_ACCESS = frozenset(
    (*_PLACED, "service", "method", "path", "status", "size", "duration_ms", "remote_address", "user_agent")
)  # fmt: skip


class TextSink(LineSink):
    """Takes the JSON lines of the logs and writes text. Probes that went well are left out."""

    def write(self, line: bytes, most: int = MOST_WAITING) -> None:
        """Take one line with its newline. Raises SinkFullError when more than ``most`` octets would wait."""
        text = render(json.loads(line))
        if text:
            super().write(text.encode(), most)


def render(record: dict[str, Any]) -> str:
    """A log record as text with its newline, "" for what nobody wants to read."""
    if record.get("logger") == "access":
        if record["path"] in _PROBES and record["status"] < 400:
            return ""
        words = (
            f"{record['method']} {record['path']} {record['status']} {record['duration_ms']:.0f} ms "
            f"from {record['remote_address']}"
        )
        placed = _ACCESS
    else:
        words, placed = f"{record.get('logger')}: {record.get('message')}", _PLACED
    facts = "".join(f" {name}={value}" for name, value in record.items() if name not in placed)
    clock = str(record.get("time", ""))[11:19]
    first = _printable(f"{clock} {record.get('level', ''):7} {words}{facts}")
    trace = [_printable(each) for each in str(record.get("exception", "")).splitlines()]
    return "\n".join([first, *trace]) + "\n"


def _printable(text: str) -> str:
    """Text in which nothing steers the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
