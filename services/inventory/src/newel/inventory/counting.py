"""Counts the catalogue for the metrics."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from newel.inventory.metrics import Metrics
from newel.runtime.clock import Clock

WINDOWS = {
    "1h": dt.timedelta(hours=1),
    "24h": dt.timedelta(days=1),
    "7d": dt.timedelta(days=7),
    "30d": dt.timedelta(days=30),
}
_EVER, _NEVER = -1, 2**62


@dataclass(frozen=True, slots=True)
class Interval:
    """Counts of the certificates that expire in an interval."""

    until: int | None  # the last second of the stretch; None: there are no later ones
    active: int
    revoked: int


class Counts(Protocol):
    """Counting, a bounded piece at a time."""

    async def certificates(self, after: int, until: int) -> Interval:
        """Count those that expire after ``after`` and no later than ``until``, or a first part of them."""
        ...

    async def endpoints(self, after: int, until: int) -> Interval:
        """Count endpoints in the same way, by the expiry of their last certificate."""
        ...

    async def count_expiring(self, now: int) -> int:
        """Count the endpoints that were reported as expiring and have not ended."""
        ...

    async def soonest(self, now: int) -> int:
        """Return when the first active certificate expires; 0 without one."""
        ...


class UsageCounter:
    """Counts the catalogue piece by piece, so that nothing waits long behind it."""

    def __init__(self, counts: Counts, clock: Clock, metrics: Metrics) -> None:
        self._counts = counts
        self._clock = clock
        self._metrics = metrics

    async def count(self) -> None:
        """Count everything once and publish it."""
        now = int(self._clock.unix())
        certificates = self._counts.certificates
        expired, revoked = await _between(certificates, _EVER, now - 1)
        active, past = 0, now - 1
        for name, window in WINDOWS.items():
            edge = now + int(window.total_seconds())
            more, withdrawn = await _between(certificates, past, edge)
            active, revoked, past = active + more, revoked + withdrawn, edge
            self._metrics.expiring.labels(within=name).set(active)
        more, withdrawn = await _between(certificates, past, _NEVER)
        self._metrics.certificates.labels(state="active").set(active + more)
        self._metrics.certificates.labels(state="expired").set(expired)
        self._metrics.certificates.labels(state="revoked").set(revoked + withdrawn)
        self._metrics.soonest.set(await self._counts.soonest(now))
        await self._endpoints(now)

    async def _endpoints(self, now: int) -> None:
        ended, _ = await _between(self._counts.endpoints, _EVER, now - 1)
        living, _ = await _between(self._counts.endpoints, now - 1, _NEVER)
        expiring = await self._counts.count_expiring(now)
        self._metrics.endpoints.labels(state="active").set(living - expiring)
        self._metrics.endpoints.labels(state="expiring").set(expiring)
        self._metrics.endpoints.labels(state="ended").set(ended)


async def _between(
    count: Callable[[int, int], Awaitable[Interval]], after: int, until: int
) -> tuple[int, int]:
    unrevoked = revoked = 0
    past: int | None = after
    while past is not None:
        piece = await count(past, until)
        unrevoked += piece.active
        revoked += piece.revoked
        past = piece.until
        await asyncio.sleep(0)  # other tasks run between the pieces
    return unrevoked, revoked
