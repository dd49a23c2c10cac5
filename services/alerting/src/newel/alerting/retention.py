"""Keeping the tables small and their figures current."""

from collections.abc import Sequence
from typing import Protocol

from newel.alerting.config import Config
from newel.alerting.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock


class Records(Protocol):
    """The notices and deliveries as they are counted and forgotten."""

    async def open_notices(self) -> int:
        """Count the notices that are not resolved."""
        ...

    async def waiting_since(self, channel: str) -> int | None:
        """Return since when the oldest delivery of a channel has been waiting."""
        ...

    async def abandon_others(self, channels: Sequence[str]) -> list[str]:
        """Give up deliveries to channels that are no longer configured and return their names."""
        ...

    async def close_forgotten(self, before: int, now: int) -> None:
        """End what was opened before then, without a message."""
        ...

    async def forget(self, before: int) -> None:
        """Remove what was resolved before then."""
        ...


class EndedSilences(Protocol):
    """The silences as they are forgotten."""

    async def forget(self, before: int) -> None:
        """Remove what ended before then."""
        ...


class EndedLists(Protocol):
    """The revocation lists as they are forgotten."""

    async def forget(self, before: int, now: int) -> None:
        """Remove what ended before then, and end the alerts about it."""
        ...


class Maintenance:
    """Periodic work: metrics and retention."""

    def __init__(
        self,
        records: Records,
        silences: EndedSilences,
        crls: EndedLists,
        config: Config,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._records = records
        self._silences = silences
        self._crls = crls
        self._config = config
        self._clock = clock
        self._audit = audit
        self._metrics = metrics

    async def start(self) -> None:
        """Give up what waits for channels that are gone."""
        for channel in await self._records.abandon_others(tuple(self._config.channels)):
            self._audit.record("alerting.channel", "abandoned", channel=channel)

    async def count(self) -> None:
        """Publish how many notices are open and how long deliveries have waited."""
        self._metrics.open.set(await self._records.open_notices())
        now = self._clock.unix()
        for channel in self._config.channels:
            since = await self._records.waiting_since(channel)
            self._metrics.waiting.labels(channel=channel).set(
                0 if since is None else max(now - since, 0)
            )

    async def sweep(self) -> None:
        """Remove what was resolved, and the silences and revocation lists that ended, long ago."""
        now = int(self._clock.unix())
        before = now - int(self._config.keep.total_seconds())
        await self._crls.forget(before, now)
        await self._records.close_forgotten(now - int(self._config.keep_open.total_seconds()), now)
        await self._records.forget(before)
        await self._silences.forget(before)
