"""Which earlier CRL a delta CRL is the difference to (RFC 5280 §5.2.4).

Relying parties may hold any CRL that has not ended. A delta CRL serves all of them when its base is no
later than the oldest of those, because it may be applied to every later one. So one CRL of every period
is remembered, by its number and by the count of changes that it contains.
"""

from collections.abc import Sequence
from typing import NamedTuple


class PastCRL(NamedTuple):
    """A CRL that was published. ``change``: it contains every revocation up to this count."""

    number: int
    this_update: int  # seconds since 1970
    change: int


class Selection(NamedTuple):
    """The base of the next delta CRL, None before the first CRL; and the numbers no more needed."""

    base: PastCRL | None
    obsolete: tuple[int, ...]


def select_base(history: Sequence[PastCRL], now: int, period: int, validity: int) -> Selection:
    """Select the base among the CRLs of one scope; ``period`` and ``validity`` in seconds.

    ``history`` is in the order of the numbers. Of each period one is kept, of those that have ended the
    last, and of all the latest: it may be the next to keep.
    """
    kept: list[PastCRL] = []
    for past in history:
        if not kept or past.this_update >= kept[-1].this_update + period:
            kept.append(past)
    while len(kept) > 1 and kept[1].this_update + validity <= now:
        kept.pop(0)
    needed = {past.number for past in (*kept, *history[-1:])}
    obsolete = tuple(past.number for past in history if past.number not in needed)
    return Selection(kept[0] if kept else None, obsolete)
