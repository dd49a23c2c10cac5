"""Counts for people: certificates and endpoints by state, what expires when, what was issued when."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from newel.runtime.clock import Clock

HOURS = 24
"""How many hours of issuance are counted."""
DAYS = 30
"""How many days of expiry are counted."""
_HOUR, _DAY = 3600, 86400
_KEEP_SECONDS = 5.0
"""An overview this old is still shown: pages that many people keep open count once for all of them."""


class StateCounts(NamedTuple):
    """Certificates by state; the three add up to all of them."""

    active: int
    expired: int
    revoked: int


class EndpointCounts(NamedTuple):
    """Endpoints by state; the three add up to all of them."""

    active: int
    expiring: int
    ended: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many certificates fall between two times, the second of which is excluded."""

    start: dt.datetime
    end: dt.datetime
    count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The catalogue in numbers at one moment."""

    counted_at: dt.datetime
    certificates: StateCounts
    endpoints: EndpointCounts
    expiring_by_day: Sequence[Bucket]
    """Active certificates by the day on which they expire, beginning now."""
    issued_by_hour: Sequence[Bucket]
    """Certificates by the hour in which they were issued, ending now."""


class OverviewCounts(Protocol):
    """Counts the tables. Times are in seconds since 1970."""

    async def count_states(self, now: int) -> StateCounts:
        """Count certificates by their state at ``now``."""
        ...

    async def count_endpoint_states(self, now: int) -> EndpointCounts:
        """Count endpoints by their state at ``now``."""
        ...

    async def count_expiring(self, start: int, width: int, count: int) -> dict[int, int]:
        """Count unrevoked certificates by the number of the interval in which they expire."""
        ...

    async def count_issued(self, start: int, width: int, count: int) -> dict[int, int]:
        """Count certificates by the number of the interval in which they were issued."""
        ...


class OverviewCounter:
    """Counts the catalogue, at most once in a few seconds for all who ask."""

    def __init__(self, counts: OverviewCounts, clock: Clock) -> None:
        self._counts = counts
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: Overview | None = None

    async def count(self) -> Overview:
        """Return the counts of this moment or of a few seconds ago; ``counted_at`` says which."""
        async with self._lock:
            now = self._clock.now().replace(microsecond=0)
            last = self._last
            if last is None or not 0 <= (now - last.counted_at).total_seconds() < _KEEP_SECONDS:
                last = self._last = await self._count(now)
            return last

    async def _count(self, moment: dt.datetime) -> Overview:
        now = int(moment.timestamp())
        first_hour = now - HOURS * _HOUR + 1
        return Overview(
            moment,
            await self._counts.count_states(now),
            await self._counts.count_endpoint_states(now),
            _buckets(await self._counts.count_expiring(now, _DAY, DAYS), now, _DAY, DAYS),
            _buckets(
                await self._counts.count_issued(first_hour, _HOUR, HOURS), first_hour, _HOUR, HOURS
            ),
        )


def _buckets(found: dict[int, int], start: int, width: int, count: int) -> list[Bucket]:
    def at(number: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(start + number * width, dt.UTC)

    return [Bucket(at(number), at(number + 1), found.get(number, 0)) for number in range(count)]
