"""What an authority answers, read with the standard library and believed in nothing but its shape."""

import json
import re
from typing import Any, cast

from newel.client.errors import AnswerError

MOST_ITEMS = 1000


def members(body: bytes) -> dict[str, Any]:
    """Return the members of a JSON object. Raises AnswerError for anything else."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AnswerError("the authority's answer cannot be read: it is no JSON object")
    return cast("dict[str, Any]", found)


def text(found: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """Return a member that is text. Raises AnswerError."""
    value = found.get(name, default)
    if not isinstance(value, str):
        raise AnswerError(f"the authority's answer cannot be read: it has no {name}")
    return value


def texts(found: dict[str, Any], name: str) -> list[str]:
    """Return a member that is a list of one or more texts. Raises AnswerError."""
    values = found.get(name)
    if (
        not isinstance(values, list)
        or not 1 <= len(cast("list[Any]", values)) <= MOST_ITEMS
        or not all(isinstance(value, str) for value in cast("list[Any]", values))
    ):
        raise AnswerError(f"the authority's answer cannot be read: it has no {name}")
    return cast("list[str]", values)


def rows(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a member that is a list of objects, [] if missing. Raises AnswerError."""
    values = found.get(name) or []
    if not isinstance(values, list) or not all(
        isinstance(value, dict) for value in cast("list[Any]", values)
    ):
        raise AnswerError(f"the authority's answer cannot be read: its {name} are no objects")
    return cast("list[dict[str, Any]]", values)


def read_seconds(retry_after: str | None) -> int | None:
    """Return the seconds of a Retry-After header; None without it, and for a date (RFC 9110 §10.2.3)."""
    found = re.fullmatch(r"[0-9]{1,9}", retry_after or "", re.ASCII)
    return int(found[0]) if found else None
