"""How far a long piece of work is, on one line of a terminal that is gone at the end."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
STEP = 100


def count(items: Iterable[Item], what: str) -> Iterator[Item]:
    """Yield the items and show how many there were so far; nothing is shown where stderr is no terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield from items
        return
    try:
        for number, item in enumerate(items):
            if number % STEP == 0:
                sys.stderr.write(f"\r\x1b[K{what}: {number}")
                sys.stderr.flush()
            yield item
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
