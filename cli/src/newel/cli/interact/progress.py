"""How far a long piece of work is, on one line of a terminal that is gone at the end."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
STEP = 100


WIDTH = 30
"""Letters of a bar."""


def shows() -> bool:
    """Say whether progress is shown: nothing is where stderr is no terminal."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def measure(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Yield the items, of which there will be ``total``, and show how many there were as a bar."""
    if not shows():
        yield from items
        return
    shown = -1
    try:
        for number, item in enumerate(items, 1):
            yield item
            share = number * 100 // max(total, number)
            if share != shown:
                shown = share
                bar = "#" * (share * WIDTH // 100)
                sys.stderr.write(f"\r\x1b[K{what}: [{bar:{WIDTH}}] {number} of {total}")
                sys.stderr.flush()
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def count(items: Iterable[Item], what: str) -> Iterator[Item]:
    """Yield the items and show how many there were so far; nothing is shown where stderr is no terminal."""
    if not shows():
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
