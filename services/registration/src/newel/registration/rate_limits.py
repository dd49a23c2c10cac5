"""How often somebody may ask: a rate with a burst for each address or account, in memory of a fixed size.

The workers of one program count together, replicas each for themselves. What is not seen for long, or long
ago among too many others, is forgotten and begins anew: this keeps one client from taking everybody's share,
and is no wall.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

from newel.registration.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.shared_table import SharedTable

_SAID_EVERY = 1.0  # seconds between lines of the audit trail about one limit


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` at once, and ``per_second`` in the long run; 0: as often as one likes."""

    per_second: float
    burst: int


class RateLimitedError(NewelError):
    """429: come back in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(
            ErrorType.RATE_LIMITED, f"too many requests; try again in {self.seconds} s"
        )


class Buckets:
    """The generic cell rate algorithm: of each key one number, when its bucket is full again.

    Keys live in two generations. When the younger is as large as it may be it becomes the older, and
    what nobody asked about since then is dropped: constant time, and never a look at all of them.
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
        """0 when the key may; else in how many seconds it may. Times in seconds."""
        full_at = self._young.get(key)
        if full_at is None:
            full_at = self._old.pop(key, 0.0)
            if len(self._young) >= self._generation:
                self._old, self._young = self._young, {}
        # a clock that was set back makes nobody wait longer than an empty bucket takes to fill
        ahead = min(max(full_at - now, 0.0), self._slack + self._interval)
        if ahead > self._slack:
            self._young[key] = now + ahead
            return ahead - self._slack
        self._young[key] = now + ahead + self._interval
        return 0.0


class SharedBuckets:
    """The same for all workers of a program together."""

    def __init__(self, rate: Rate, name: str, table: SharedTable) -> None:
        self._interval = 1 / rate.per_second
        self._slack = (rate.burst - 1) * self._interval
        self._name = name
        self._table = table

    def take(self, key: Hashable, now: float) -> float:
        """0 when the key may; else in how many seconds it may. Times in seconds."""
        own = (self._name, key)
        # a clock that was set back makes nobody wait longer than an empty bucket takes to fill
        ahead = min(max(self._table.get(own) - now, 0.0), self._slack + self._interval)
        if ahead > self._slack:
            return ahead - self._slack
        self._table.put(own, now + ahead + self._interval)
        return 0.0


class Limit:
    """One rate. Refusals are counted, and said once a second at most."""

    def __init__(
        self,
        name: str,
        rate: Rate,
        remembered: int,
        audit: Audit,
        metrics: Metrics,
        table: SharedTable | None = None,
    ) -> None:
        """Without a table of several workers each process counts for itself."""
        self._name = name
        self._buckets: Buckets | SharedBuckets | None = None
        if rate.per_second and table is not None:
            self._buckets = SharedBuckets(rate, name, table)
        elif rate.per_second:
            self._buckets = Buckets(rate, remembered)
        self._audit = audit
        self._refusals = metrics.rate_limited.labels(name)
        self._unsaid = 0
        self._said = -math.inf

    def check(self, key: Hashable, now: float, **who: str) -> None:
        """Raises RateLimitedError; ``who`` is for the audit trail."""
        if self._buckets is None:
            return
        wait = self._buckets.take(key, now)
        if wait:
            self._refused(now, who)
            raise RateLimitedError(wait)

    def _refused(self, now: float, who: dict[str, str]) -> None:
        self._refusals.inc()
        self._unsaid += 1
        if abs(now - self._said) < _SAID_EVERY:
            return
        self._audit.record("rate-limit", "refused", cause=self._name, requests=self._unsaid, **who)
        self._said, self._unsaid = now, 0
