"""Query parameters of lists: their types, and the page and order that every list has."""

import dataclasses
import datetime as dt
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, WithJsonSchema

from newel.runtime.database.listing import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    ListQuery,
    read_cursor,
)

_MAX_TEXT = 1024
_NO_FILTERS = {"sort", "limit", "cursor", "format"}


def _check_text(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_TEXT or not text.isprintable():
        raise ValueError(f"1 to {_MAX_TEXT} printable characters")
    return text


def _parse_hex(text: Any) -> bytes:
    try:
        return bytes.fromhex(_check_text(text).replace(":", "")).lstrip(b"\0")
    except ValueError:
        raise ValueError("hexadecimal") from None


def _parse_time(text: Any) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(_check_text(text))
    except ValueError:
        raise ValueError("a time as in 2026-11-21T12:00:00Z") from None
    if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
        raise ValueError("a time with its zone, as in 2026-11-21T12:00:00Z")
    return moment


def _parse_limit(text: Any) -> int:
    text = str(text)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise ValueError(f"a number from 1 to {MAX_LIMIT}")
    return int(text)


Text = Annotated[str, AfterValidator(_check_text)]
Hex = Annotated[bytes, BeforeValidator(_parse_hex), WithJsonSchema({"type": "string"})]
Time = Annotated[dt.datetime, BeforeValidator(_parse_time)]
Limit = Annotated[int, BeforeValidator(_parse_limit)]


class ListParameters(BaseModel, extra="forbid", frozen=True):
    """The parameters of every list. A list adds its filters and the type of ``sort``, with its default."""

    sort: str
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None

    def query(self) -> ListQuery:
        """Return the checked query. Raises `NewelError` for the cursor of another query."""
        filters = {
            name: _plain(getattr(self, name))
            for name in sorted(self.model_fields_set - _NO_FILTERS)
            if getattr(self, name) is not None
        }
        order, descending = self.sort.removeprefix("-"), self.sort.startswith("-")
        query = ListQuery(filters, order, descending, self.limit, None)
        if self.cursor is None:
            return query
        return dataclasses.replace(query, after=read_cursor(self.cursor, query))


def _plain(value: Any) -> str | int | bytes:
    """Return a filter's value as SQL compares it: times in seconds since 1970."""
    if isinstance(value, dt.datetime):
        return int(value.timestamp())
    return value if isinstance(value, bytes) else str(value)
