"""Whether it is known that something was not issued, and not only that it was not seen.

Renewals reach the catalogue as events, which may wait while the bus or a consumer is unreachable. Before anything
is told of a certificate because it has no successor, the issuing authority's own lists are read, which
have whatever was issued before. And after a pause in which no one looked, as when the whole authority was
down, clients get some time to renew: what became late meanwhile is told at a second look.
"""

import asyncio
import logging
import time
from typing import Protocol

import grpc

from newel.inventory.config import Expiry
from newel.runtime.clock import Clock
from newel.runtime.outages import Outage

_log = logging.getLogger(__name__)

_SHARE = 20
"""The part of a lifetime, as a divisor, that telling may wait at most."""
_LONGEST_READING = 20.0
"""Seconds; the lists are read on from there the next time."""
_REST = 20
"""How many times longer than it took is waited until the lists are read again, so that the issuing
authority spends no more than a twentieth of its time on this."""
_LONGEST_REST = 60


class Comparison(Protocol):
    """The comparison of the catalogue with the issuing authority."""

    async def run(self) -> None:
        """Catalogue whatever is in the issuing authority's lists. Raises grpc.RpcError."""
        ...


class Completeness:
    """What is known of the catalogue; times in seconds since 1970."""

    def __init__(self, comparison: Comparison, clock: Clock, expiry: Expiry) -> None:
        self._comparison = comparison
        self._clock = clock
        self._pause = int(expiry.pause.total_seconds())
        self._unseen = int(expiry.unseen.total_seconds())
        self._watched_since = 0
        self._looked_at: int | None = None
        self._rests_until = 0.0
        self._outage = Outage(_log, "reading the issuing authority's lists")
        self.complete_to = 0
        """Everything that was issued before this second is catalogued."""
        self.failed_since: int | None = None
        """Since when the lists cannot be read; None while they can."""

    def note_look(self, now: int) -> None:
        """Note that the endpoints are looked at now."""
        if self._looked_at is None or not 0 <= now - self._looked_at <= self._pause:
            self._watched_since = now
        self._looked_at = now

    def is_seen_to_come(self, at: int, due: int) -> bool:
        """Tell whether a moment came while someone looked, or this look is the second one after it.

        ``due`` is when this look was due: the first one is due at the moment or before it.
        """
        return at >= self._watched_since or due > at

    def allow_time(self, life: int) -> int:
        """Return the seconds until the second look at a certificate of such a lifetime."""
        return max(1, min(self._pause, life // _SHARE))

    async def establish(self, at: int) -> None:
        """Read the issuing authority's lists, unless that was done at this second or later, or just now."""
        now = self._clock.unix()
        if self.complete_to >= at or now < self._rests_until <= now + _LONGEST_REST:
            return
        began = time.monotonic()
        try:
            async with asyncio.timeout(_LONGEST_READING):
                await self._comparison.run()
        except (grpc.RpcError, OSError) as error:
            self._outage.note_failure(error)
            if self.failed_since is None:
                self.failed_since = int(now)
        else:
            self._outage.note_recovery()
            self.complete_to, self.failed_since = int(now), None
        rest = _REST * (time.monotonic() - began)
        self._rests_until = now + min(max(rest, 1), _LONGEST_REST)

    def is_unseen_too_long(self, life: int, now: int) -> bool:
        """Tell whether the lists could not be read for so long that what is late is told without them."""
        longest = min(self._unseen, life // _SHARE)
        return self.failed_since is not None and now - self.failed_since >= longest
