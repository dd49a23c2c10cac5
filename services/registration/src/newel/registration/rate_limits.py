"""Rate limits per address or account: a rate with a burst, in memory of a fixed size.

The workers of one program count together, replicas each for themselves. Keys that were not seen for long, or
were pushed out by many others, start over: this protects fairness between clients; it is not a security
boundary.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

from newel.registration.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.shared_table import SharedTable

_LOG_INTERVAL = 1.0  # seconds between lines of the audit trail about one limit


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` requests at once, and ``per_second`` in the long run; 0: no limit."""

    per_second: float
    burst: int


class RateLimitedError(NewelError):
    """429: the client may try again in ``seconds``."""

    def __init__(self, seconds: float, reason: str = "too many requests") -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(ErrorType.RATE_LIMITED, f"{reason}; try again in {self.seconds} s")


class Buckets:
    """The generic cell rate algorithm: one number per key, the time at which its bucket is full again.

    Keys live in two generations. When the younger is full it becomes the older, and keys unused since then
    are dropped: constant time, never a scan.
    """

    def __init__(self, rate: Rate, remembered: int) -> None:
        self._interval = 1 / rate.per_second
        self._slack = (rate.burst - 1) * self._interval
        self._generation = max(1, remembered // 2)
        self._young: dict[Hashable, float] = {}
        self._old: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, key: Hashable, now: float) -> float:
        """Take one request of a key: 0 when it is allowed, else the seconds until it is."""
        full_at = self._young.get(key)
        if full_at is None:
            full_at = self._old.pop(key, 0.0)
            if len(self._young) >= self._generation:
                self._old, self._young = self._young, {}
        # a clock that was set back makes no one wait longer than an empty bucket takes to fill
        ahead = min(max(full_at - now, 0.0), self._slack + self._interval)
        if ahead > self._slack:
            self._young[key] = now + ahead
            return ahead - self._slack
        self._young[key] = now + ahead + self._interval
        return 0.0


class SharedBuckets:
    """The same algorithm, counted by all workers of a program together."""

    def __init__(self, rate: Rate, name: str, table: SharedTable) -> None:
        self._interval = 1 / rate.per_second
        self._slack = (rate.burst - 1) * self._interval
        self._name = name
        self._table = table

    def take(self, key: Hashable, now: float) -> float:
        """Take one request of a key: 0 when it is allowed, else the seconds until it is."""
        own = (self._name, key)
        # a clock that was set back makes no one wait longer than an empty bucket takes to fill
        ahead = min(max(self._table.get(own) - now, 0.0), self._slack + self._interval)
        if ahead > self._slack:
            return ahead - self._slack
        self._table.put(own, now + ahead + self._interval)
        return 0.0


class Limit:
    """One rate limit. Refused requests are counted, and logged at most once a second."""

    def __init__(
        self,
        name: str,
        rate: Rate,
        remembered: int,
        audit: Audit,
        metrics: Metrics,
        table: SharedTable | None = None,
    ) -> None:
        """Count in a table that workers share, or without one in this process."""
        self._buckets: Buckets | SharedBuckets | None = None
        if rate.per_second and table is not None:
            self._buckets = SharedBuckets(rate, name, table)
        elif rate.per_second:
            self._buckets = Buckets(rate, remembered)
        self._refusals = RefusalLog(name, audit, metrics)

    def check(self, key: Hashable, now: float, **who: str) -> None:
        """Raise RateLimitedError over the limit; ``who`` is for the audit trail."""
        if self._buckets is None:
            return
        wait = self._buckets.take(key, now)
        if wait:
            self._refusals.add(now, **who)
            raise RateLimitedError(wait)


class RefusalLog:
    """Counts the refusals of one limit, and logs them at most once a second."""

    def __init__(self, name: str, audit: Audit, metrics: Metrics) -> None:
        self._name = name
        self._audit = audit
        self._refusals = metrics.rate_limited.labels(name)
        self._unlogged = 0
        self._logged_at = -math.inf

    def add(self, now: float, **who: str) -> None:
        """Count one; ``who`` is for the audit trail."""
        self._refusals.inc()
        self._unlogged += 1
        if abs(now - self._logged_at) < _LOG_INTERVAL:
            return
        self._audit.record(
            "rate-limit", "refused", cause=self._name, requests=self._unlogged, **who
        )
        self._logged_at, self._unlogged = now, 0
