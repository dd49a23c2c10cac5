"""Lists as administrators ask for them: filters, sort orders and the cursor that carries a page on.

Only what a list's `ListSpec` name ever reaches SQL; values travel as parameters. A page looks at a
bounded stretch of rows (``paging.py``), so a filter that matches nothing costs no more than one that
matches all: the answer then holds few rows or none, and a cursor to go on with.
"""

import base64
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import msgspec

from newel.runtime.errors import ErrorType, NewelError

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
_MAX_VALUE = 1024

Filter = Literal["text", "hex", "time"] | tuple[str, ...]
"""How a filter's value is written; a tuple names the words it may be."""

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the value of the sort column and the row's position."""

    value: int
    position: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One checked question."""

    filters: Mapping[str, str | int | bytes]
    sort: str  # one of the list's sort orders
    descending: bool
    limit: int
    after: Cursor | None

    def digest(self) -> str:
        """Names the question without its page, so that a cursor fits no other."""
        plain = [self.sort, self.descending, sorted((k, str(v)) for k, v in self.filters.items())]
        return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """Some entries and, unless the list ends here, where the next page begins."""

    entries: Sequence[Entry]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class ListSpec:
    """What may be asked of one list. Unless something else is asked for, the first sort, latest first."""

    filters: Mapping[str, Filter]
    sorts: tuple[str, ...]

    def read(self, params: Mapping[str, str]) -> ListQuery:
        """Checks query parameters; raises `NewelError` (malformed) naming the one that is wrong."""
        given = dict(params)
        sort = given.pop("sort", f"-{self.sorts[0]}")
        if sort.removeprefix("-") not in self.sorts:
            raise _wrong("sort", f"one of {', '.join(self.sorts)}, with - for the latest first")
        limit = given.pop("limit", str(DEFAULT_LIMIT))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MAX_LIMIT):
            raise _wrong("limit", f"a number from 1 to {MAX_LIMIT}")
        cursor = given.pop("cursor", None)
        values: dict[str, str | int | bytes] = {}
        for name, text in given.items():
            if name not in self.filters:
                raise _wrong(name, f"not there; filters are {', '.join(self.filters)}")
            values[name] = _value(name, text, self.filters[name])
        query = ListQuery(values, sort.removeprefix("-"), sort.startswith("-"), int(limit), None)
        if cursor is None:
            return query
        return dataclasses.replace(query, after=_read_cursor(cursor, query.digest()))


def write_cursor(query: ListQuery, mark: Cursor) -> str:
    """The opaque cursor for the page after ``mark``."""
    plain = msgspec.json.encode([query.digest(), mark.value, mark.position])
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _read_cursor(cursor: str, digest: str) -> Cursor:
    try:
        padded = cursor[:200] + "=" * (-len(cursor[:200]) % 4)
        plain = base64.urlsafe_b64decode(padded.encode("ascii"))
        own, value, position = msgspec.json.decode(plain, type=tuple[str, int, int])
    except (ValueError, msgspec.DecodeError) as error:
        raise _wrong("cursor", "one that an earlier page gave") from error
    if own != digest or not (0 <= value < 2**62 and 0 <= position < 2**62):
        raise _wrong("cursor", "used with the question it was given for")
    return Cursor(value, position)


def _value(name: str, text: str, kind: Filter) -> str | int | bytes:
    if not 0 < len(text) <= _MAX_VALUE or not text.isprintable():
        raise _wrong(name, f"1 to {_MAX_VALUE} printable characters")
    if isinstance(kind, tuple) and text not in kind:
        raise _wrong(name, f"one of {', '.join(kind)}")
    if kind == "hex":
        try:
            return bytes.fromhex(text.replace(":", "")).lstrip(b"\0")
        except ValueError as error:
            raise _wrong(name, "hexadecimal") from error
    if kind == "time":
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError as error:
            raise _wrong(name, "a time as in 2026-11-21T12:00:00Z") from error
        if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
            raise _wrong(name, "a time with its zone, as in 2026-11-21T12:00:00Z")
        return int(moment.timestamp())
    return text


def _wrong(name: str, should: str) -> NewelError:
    return NewelError(ErrorType.MALFORMED, f"The parameter {name[:40]!r} must be {should}.")
