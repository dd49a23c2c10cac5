"""Pages of lists: how long they are, and which one a query asks for."""

from collections.abc import Mapping

from newel.registration.errors import malformed_error

MAX_PAGE, DEFAULT_PAGE = 100, 20
"""Records on one page: at most, and without a limit in the request."""
_MAX_LIMIT_DIGITS = 9


def bound_limit(limit: int) -> int:
    """Return how many records the page has for which a client asks; 0 leaves it open."""
    return min(limit, MAX_PAGE) if limit > 0 else DEFAULT_PAGE


def read_page(query: Mapping[str, str], context: str = "") -> tuple[str, int]:
    """Return the cursor and the length of the page. Raises ``malformed``, with ``context`` before its text."""
    text = query.get("limit", "")
    try:
        limit = int(text) if text and len(text) <= _MAX_LIMIT_DIGITS else 0
    except ValueError:
        raise malformed_error(f"{context}limit '{text}' is not an integer") from None
    return query.get("cursor", ""), bound_limit(limit)
