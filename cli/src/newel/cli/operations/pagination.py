"""Lists that an authority gives page by page."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from newel.cli.errors import CliError

Item = TypeVar("Item")
MOST_PAGES = 1000


def collect(ask: Callable[[str], tuple[Sequence[Item], str]], what: str) -> list[Item]:
    """All of it; ``ask`` is given a cursor, first "", and returns a page and the next cursor. Raises CliError."""
    found: list[Item] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        page, cursor = ask(cursor)
        found += page
        if not cursor:
            return found
    raise CliError(f"the authority's list of {what} does not end")
