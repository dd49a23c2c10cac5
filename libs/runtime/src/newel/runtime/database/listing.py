"""Lists as administrators ask for them: filters, sort orders and the cursor that carries a page on.

Only the fields of a list's parameters ever name SQL; values travel as parameters. A page looks at a
bounded stretch of rows (``paging.py``), so a filter that matches nothing costs no more than one that
matches all: the answer then holds few rows or none, and a cursor to go on with.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from newel.runtime.errors import ErrorType, NewelError

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the value of the sort column and the row's position."""

    value: int
    position: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One checked query."""

    filters: Mapping[str, str | int | bytes]
    sort: str  # one of the list's sort orders
    descending: bool
    limit: int
    after: Cursor | None

    def digest(self) -> str:
        """Return a digest of the query without its page, so that a cursor fits no other."""
        plain = [self.sort, self.descending, sorted((k, str(v)) for k, v in self.filters.items())]
        return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """Some entries and, unless the list ends here, where the next page begins."""

    entries: Sequence[Entry]
    next: Cursor | None


def write_cursor(query: ListQuery, mark: Cursor) -> str:
    """Encode the opaque cursor for the page after ``mark``."""
    plain = msgspec.json.encode([query.digest(), mark.value, mark.position])
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def read_cursor(cursor: str, query: ListQuery) -> Cursor:
    """Decode the cursor of an earlier page. Raises `NewelError` when it belongs to another query."""
    try:
        padded = cursor[:200] + "=" * (-len(cursor[:200]) % 4)
        plain = base64.urlsafe_b64decode(padded.encode("ascii"))
        own, value, position = msgspec.json.decode(plain, type=tuple[str, int, int])
    except (ValueError, msgspec.DecodeError) as error:
        raise _invalid("one that an earlier page gave") from error
    if own != query.digest() or not (0 <= value < 2**62 and 0 <= position < 2**62):
        raise _invalid("used with the query it was given for")
    return Cursor(value, position)


def _invalid(expected: str) -> NewelError:
    return NewelError(ErrorType.MALFORMED, f"The parameter 'cursor' must be {expected}.")
