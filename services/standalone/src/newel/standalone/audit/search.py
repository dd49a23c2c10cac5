"""A search in the audit trail."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, cast

from newel.standalone.audit.trail import Line

_APART = frozenset(("time", "service", "event", "outcome", "request_id"))


class Query(NamedTuple):
    """What a line has to be; an empty member is met by every line."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    service: str = ""
    event: str = ""
    """A pattern: ``*`` and ``?`` stand for any letters, and brackets for one of those in them."""
    outcome: str = ""
    subject: str = ""
    """A name, a serial number, an account: any of the other values of the line equals it, in any case."""
    request_id: str = ""

    def matches(self, line: dict[str, Any]) -> bool:
        """Tell whether a line is asked for."""
        return (
            all(
                not wanted or str(line.get(name, "")) == wanted
                for name, wanted in (
                    ("service", self.service),
                    ("outcome", self.outcome),
                    ("request_id", self.request_id),
                )
            )
            and (not self.event or fnmatchcase(str(line.get("event", "")), self.event))
            and self._is_in_time(line)
            and (not self.subject or self._is_about(line))
        )

    def _is_in_time(self, line: dict[str, Any]) -> bool:
        if self.since is None and self.until is None:
            return True
        try:
            time = dt.datetime.fromisoformat(str(line.get("time")))
        except ValueError:
            return True  # shown rather than lost
        time = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
        return (self.since is None or time >= self.since) and (
            self.until is None or time < self.until
        )

    def _is_about(self, line: dict[str, Any]) -> bool:
        wanted = self.subject.casefold()
        values = (value for name, value in line.items() if name not in _APART)
        return any(str(value).casefold() == wanted for value in _flatten(values))


def _flatten(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from _flatten(cast("dict[str, Any]", value).values())
        elif isinstance(value, list):
            yield from _flatten(cast("list[Any]", value))
        else:
            yield value


def search(lines: Iterable[Line], query: Query) -> Iterator[tuple[Line, bool]]:
    """Yield each line that is asked for, and each that is no JSON object, with whether it is one."""
    for line in lines:
        try:
            content: Any = json.loads(line.octets)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            if line.octets.strip():
                yield line, False
        elif query.matches(cast("dict[str, Any]", content)):
            yield line, True
