"""What a command must know of a certificate before it renews it, read without the large library.

Importing an X.509 library takes longer than a renewal.
"""

import datetime as dt
from typing import NamedTuple

from newel.cli.operations.certificates import sources


class Leaf(NamedTuple):
    """The first certificate of a file."""

    serial: int
    not_before: dt.datetime
    not_after: dt.datetime
    chain: tuple[bytes, ...]
    """DER of every certificate in the file, the leaf first."""

    @property
    def lifetime(self) -> dt.timedelta:
        """How long it is valid in all."""
        return self.not_after - self.not_before


def read_leaf(name: str) -> Leaf:
    """Return the leaf of a file, with whatever certificates follow it. Raises CliError."""
    chain = sources.from_file(name)
    first = chain[0]
    ders = tuple(one.der for one in chain)
    return Leaf(first.serial, first.not_before, first.not_after, ders)
