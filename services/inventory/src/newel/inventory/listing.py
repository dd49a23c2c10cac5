"""What may be asked of the lists: filters, sort orders and the cursor that carries a page on.

Only what is named in these tables ever reaches SQL; values travel as parameters. A page looks at a
bounded stretch of rows, so a filter that matches nothing costs no more than one that matches all: the
answer then holds few rows or none, and a cursor to go on with.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from newel.runtime.errors import ErrorType, NewelError

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
_MAX_VALUE = 1024

Kind = Literal["text", "hex", "search", "name", "time", "state"]

CERTIFICATE_FILTERS: Mapping[str, Kind] = {
    "state": "state",
    "serial": "hex",
    "endpoint": "text",
    "issuer": "text",
    "provisioner": "text",
    "provisioner_type": "text",
    "subject": "text",
    "name": "name",
    "search": "search",
    "issued_after": "time",
    "issued_before": "time",
    "expires_after": "time",
    "expires_before": "time",
}
ENDPOINT_FILTERS: Mapping[str, Kind] = {
    "state": "state",
    "provisioner": "text",
    "provisioner_type": "text",
    "subject": "text",
    "name": "name",
    "search": "search",
    "expires_after": "time",
    "expires_before": "time",
}
CERTIFICATE_STATES = ("active", "expired", "revoked")
ENDPOINT_STATES = ("active", "expiring", "ended")
SORTS = ("issued", "expires")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: the value of the sort column and the row's position."""

    value: int
    position: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One checked question."""

    filters: Mapping[str, str | int | bytes]
    sort: str  # one of SORTS
    descending: bool
    limit: int
    after: Mark | None

    def digest(self) -> str:
        """Names the question without its page, so that a cursor fits no other."""
        plain = [self.sort, self.descending, sorted((k, str(v)) for k, v in self.filters.items())]
        return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()[:16]


def read_query(
    params: Mapping[str, str], filters: Mapping[str, Kind], states: tuple[str, ...]
) -> ListQuery:
    """Checks query parameters; raises `NewelError` (malformed) naming the one that is wrong."""
    given = dict(params)
    sort = given.pop("sort", "-issued")
    if sort.removeprefix("-") not in SORTS:
        raise _wrong("sort", f"one of {', '.join(SORTS)}, with - for the latest first")
    limit = given.pop("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MAX_LIMIT):
        raise _wrong("limit", f"a number from 1 to {MAX_LIMIT}")
    cursor = given.pop("cursor", None)
    values: dict[str, str | int | bytes] = {}
    for name, text in given.items():
        if name not in filters:
            raise _wrong(name, f"not there; filters are {', '.join(filters)}")
        values[name] = _value(name, text, filters[name], states)
    query = ListQuery(values, sort.removeprefix("-"), sort.startswith("-"), int(limit), None)
    if cursor is None:
        return query
    mark = _read_cursor(cursor, query.digest())
    return ListQuery(query.filters, query.sort, query.descending, query.limit, mark)


def write_cursor(query: ListQuery, mark: Mark) -> str:
    """The opaque cursor for the page after ``mark``."""
    plain = msgspec.json.encode([query.digest(), mark.value, mark.position])
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _read_cursor(cursor: str, digest: str) -> Mark:
    try:
        padded = cursor[:200] + "=" * (-len(cursor[:200]) % 4)
        plain = base64.urlsafe_b64decode(padded.encode("ascii"))
        own, value, position = msgspec.json.decode(plain, type=tuple[str, int, int])
    except (ValueError, msgspec.DecodeError) as error:
        raise _wrong("cursor", "one that an earlier page gave") from error
    if own != digest or not (0 <= value < 2**62 and 0 <= position < 2**62):
        raise _wrong("cursor", "used with the question it was given for")
    return Mark(value, position)


def _value(name: str, text: str, kind: Kind, states: tuple[str, ...]) -> str | int | bytes:
    if not 0 < len(text) <= _MAX_VALUE or not text.isprintable():
        raise _wrong(name, f"1 to {_MAX_VALUE} printable characters")
    if kind == "state" and text not in states:
        raise _wrong(name, f"one of {', '.join(states)}")
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
