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
        """How many notices are not resolved."""
        ...

    async def waiting_since(self, channel: str) -> int | None:
        """Since when the oldest delivery of a channel has been waiting."""
        ...

    async def abandon_others(self, channels: Sequence[str]) -> list[str]:
        """Gives up what waits for channels that are no longer configured; their names."""
        ...

    async def forget(self, before: int) -> None:
        """Removes what was resolved before then."""
        ...


class Housekeeping:
    """What is done now and then, beside opening and delivering."""

    def __init__(
        self, records: Records, config: Config, clock: Clock, audit: Audit, metrics: Metrics
    ) -> None:
        self._records = records
        self._config = config
        self._clock = clock
        self._audit = audit
        self._metrics = metrics

    async def start(self) -> None:
        """Ends what waits for channels that are gone."""
        for channel in await self._records.abandon_others(tuple(self._config.channels)):
            self._audit.record("alerting.channel", "abandoned", channel=channel)

    async def count(self) -> None:
        """Shows how many notices are open and how long deliveries have waited."""
        self._metrics.open.set(await self._records.open_notices())
        now = self._clock.unix()
        for channel in self._config.channels:
            since = await self._records.waiting_since(channel)
            self._metrics.waiting.labels(channel=channel).set(
                0 if since is None else max(now - since, 0)
            )

    async def sweep(self) -> None:
        """Forgets what was resolved long ago."""
        await self._records.forget(int(self._clock.unix() - self._config.keep.total_seconds()))
