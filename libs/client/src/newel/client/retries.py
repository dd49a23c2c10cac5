"""How long to wait after a failure: 1, 2, 4 … 60 seconds, each shortened a little."""

import datetime as dt

from newel.crypto.entropy import random_fraction

FIRST = dt.timedelta(seconds=1)
LONGEST = dt.timedelta(minutes=1)
JITTER = 1 / 15
"""Of a lifetime: the most by which a renewal comes earlier, so that a fleet's do not come together."""


def pause(failures: int) -> dt.timedelta:
    """Return the time to wait after so many failures in a row, 0 for the first one.

    Up to a quarter of it is left out at random, so that callers that failed together do not retry
    together.
    """
    return min(FIRST * 2 ** min(failures, 10), LONGEST) * (1 - draw() / 4)


def draw() -> float:
    """Return a random number from 0 to 1."""
    return random_fraction()
