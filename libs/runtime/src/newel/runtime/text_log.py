"""The same log for a person at a terminal: a line of text for each JSON line."""

import json
from typing import Any
from urllib.parse import quote

from newel.runtime.line_sink import MAX_BACKLOG, LineSink

_PROBES = frozenset(("/livez", "/readyz", "/health", "/metrics"))
_PLACED = frozenset(("time", "level", "logger", "message", "exception", "request_id"))
_ACCESS = frozenset(
    (
        *_PLACED, "service", "method", "path", "status", "size", "duration_ms", "protocol", "remote_address",
        "user_agent",
    )
)  # fmt: skip # words in rows


class TextSink(LineSink):
    """A sink that takes the JSON lines of the logs and writes text, without successful probes."""

    def write(self, line: bytes, most: int = MAX_BACKLOG) -> None:
        """Take one line with its newline. Raises SinkFullError when more than ``most`` octets would wait."""
        text = render(json.loads(line))
        if text:
            super().write(text.encode(), most)


class CommonSink(LineSink):
    """A sink that writes requests in step-ca's common log format, and everything else as text."""

    def write(self, line: bytes, most: int = MAX_BACKLOG) -> None:
        """Take one line with its newline. Raises SinkFullError when more than ``most`` octets would wait."""
        record = json.loads(line)
        is_access = record.get("logger") == "access"
        text = render_common(record) if is_access else render(record)
        super().write(text.encode(), most)


def render_common(record: dict[str, Any]) -> str:
    """Render a request: its id, address, service, no user, time, milliseconds, request line, status, size."""
    first = f"{record['method']} {quote(record['path'])} {record['protocol']}"
    return (
        f"{record['request_id']} {record['remote_address'] or '-'} {record['service']} - {record['time']}"
        f' {record["duration_ms"]:.0f} "{first}" {record["status"]} {record["size"]}\n'
    )


def render(record: dict[str, Any]) -> str:
    """Render a log record as text with its newline, or "" for a successful probe."""
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
    first = _replace_controls(f"{clock} {record.get('level', ''):7} {words}{facts}")
    trace = [_replace_controls(each) for each in str(record.get("exception", "")).splitlines()]
    return "\n".join([first, *trace]) + "\n"


def _replace_controls(text: str) -> str:
    """Replace the characters that could control the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
