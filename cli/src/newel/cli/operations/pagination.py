"""Lists that an authority gives page by page."""

from collections.abc import Callable, Iterator, Sequence
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


def read(
    ask: Callable[[int, str], tuple[Sequence[Item], str]], limit: int, largest: int
) -> Iterator[Item]:
    """Yield items, ``limit`` at most or, with 0, all; read page by page, of ``largest`` items at most.

    ``ask`` is given how many items a page is to have and a cursor, first "", as that of `collect`.
    """
    cursor, left = "", limit
    while True:
        size = min(left, largest) if limit else largest
        page, cursor = ask(size, cursor)
        yield from page[:size]
        left -= len(page)
        if not cursor or (limit and left <= 0):
            return
