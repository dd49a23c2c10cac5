"""Delivers messages to one channel: claimed once, retried with back-off, passed to a fallback at last."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.alerting.alerts import DeliveryState
from newel.alerting.config import Retry
from newel.alerting.metrics import Metrics
from newel.alerting.notices import Message, Notice, Phase
from newel.alerting.silences import Silence, find_silence
from newel.runtime.audit import Audit
from newel.runtime.clock import AHEAD, Clock
from newel.runtime.egress import EgressError, EgressPolicy, EgressRefusedError
from newel.runtime.entropy import random_fraction

_log = logging.getLogger(__name__)

_BATCH = 16
# A claim outlives any attempt (the longest timeout is 60 s for each of a few steps), so a second
# worker takes over only from one that died.
_CLAIM_SECONDS = 300
_MAX_ERROR = 300


class DeliveryError(Exception):
    """The receiver did not take the message. Never holds a secret: it is logged and stored."""

    def __init__(
        self, detail: str, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.permanent = permanent  # trying again cannot help
        self.retry_after = retry_after  # seconds the receiver asked for


class Channel(Protocol):
    """A way to notify people."""

    async def send(self, message: Message) -> None:
        """Return when the receiver has the message. Raises `DeliveryError` when it does not."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one channel."""

    key: str
    phase: Phase
    channel: str
    fallback: str
    attempts: int  # before the one that it is due for
    notice: Notice
    state: DeliveryState = DeliveryState.PENDING
    mark: int = 0  # the state of its row: who claims it with another one is too late
    delay: float = (
        0  # seconds after the alert, or after the end of its silence, that it is planned for
    )


class Deliveries(Protocol):
    """The queue of deliveries."""

    async def find_due(self, channel: str, now: float, latest: float, limit: int) -> list[Delivery]:
        """Find what is due: planned for now or earlier, or held back by a silence that is over.

        No attempt is planned for after ``latest``: what is, was written while a clock ran ahead, and is due.
        """
        ...

    async def claim(self, delivery: Delivery, now: float, until: float) -> bool:
        """Claim a delivery for this worker alone until ``until``; False when another one has it."""
        ...

    async def hold(self, delivery: Delivery, silence: str) -> bool:
        """Hold a delivery back until a silence is over; False when another worker has it."""
        ...

    async def plan_again(self, delivery: Delivery, at: float) -> None:
        """Plan a delivery that a silence held back for a later time."""
        ...

    async def mark_delivered(self, delivery: Delivery) -> None:
        """Record that the receiver has it."""
        ...

    async def postpone(self, delivery: Delivery, until: float, error: str) -> None:
        """Schedule the next attempt for ``until``."""
        ...

    async def give_up(self, delivery: Delivery, now: float, error: str) -> None:
        """Record the final failure and queue a delivery to the fallback channel, where there is one."""
        ...


class Silences(Protocol):
    """The silences."""

    async def find_active(self, now: int) -> list[Silence]:
        """Read the silences that hold back what matches now."""
        ...


class Dispatcher:
    """Delivers what waits for one channel; a slow receiver delays no other."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        deliveries: Deliveries,
        silences: Silences,
        retry: Retry,
        source: str,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
        dashboard: str = "",
        longest_wait: float = 0,
    ) -> None:
        self._name = name
        self._channel = channel
        self._deliveries = deliveries
        self._silences = silences
        self._retry = retry
        self._source = source
        self._dashboard = dashboard
        self._longest_wait = longest_wait  # seconds that a delivery waits for others of its group
        self._clock = clock
        self._audit = audit
        self._metrics = metrics

    async def tick(self) -> None:
        """Try everything that is due once, but for what a silence holds back."""
        now = self._clock.unix()
        waits = _CLAIM_SECONDS, self._retry.largest.total_seconds(), self._longest_wait
        latest = now + max(waits) + AHEAD
        due = await self._deliveries.find_due(self._name, now, latest, _BATCH)
        if not due:
            return
        silences = await self._silences.find_active(int(now))
        claimed = [each for each in due if await self._take(each, silences, now)]
        await asyncio.gather(*(self._attempt(delivery) for delivery in claimed))

    async def _take(self, delivery: Delivery, silences: Sequence[Silence], now: float) -> bool:
        """Claim a delivery; False when a silence holds it back, or another worker has it.

        What resolves an alert is told during a silence too, to those who were told of it before.
        """
        if delivery.phase is not Phase.RESOLVED:
            silence = find_silence(delivery.notice, silences)
            if silence is not None:
                if await self._deliveries.hold(delivery, silence.id):
                    self._report(delivery, "silenced", silence=silence.id)
                return False
            if delivery.state is DeliveryState.SILENCED and delivery.delay:
                # who escalates first gives those who are told at once their time
                await self._deliveries.plan_again(delivery, now + delivery.delay)
                return False
        return await self._deliveries.claim(delivery, now, now + _CLAIM_SECONDS)

    async def _attempt(self, delivery: Delivery) -> None:
        message = Message(
            delivery.key, delivery.phase, delivery.notice, self._source, self._dashboard
        )
        try:
            await send(self._name, self._channel, message)
        except DeliveryError as error:
            await self._handle_failure(delivery, error)
        else:
            await self._deliveries.mark_delivered(delivery)
            self._report(delivery, "delivered")

    async def _handle_failure(self, delivery: Delivery, error: DeliveryError) -> None:
        now = self._clock.unix()
        detail = str(error)[:_MAX_ERROR]
        attempts = delivery.attempts + 1
        if error.permanent or attempts >= self._retry.attempts:
            await self._deliveries.give_up(delivery, now, detail)
            self._report(delivery, "failed", cause=detail, fallback=delivery.fallback)
            return
        asked = min(error.retry_after or 0, self._retry.largest.total_seconds())
        wait = max(asked, backoff(self._retry, attempts))
        await self._deliveries.postpone(delivery, now + wait, detail)
        self._report(delivery, "postponed", cause=detail, seconds=round(wait, 1))

    def _report(self, delivery: Delivery, outcome: str, **facts: object) -> None:
        self._metrics.deliveries.labels(
            channel=self._name, phase=delivery.phase, result=outcome
        ).inc()
        self._audit.record(
            "alerting.delivery", outcome, key=delivery.key, attempt=delivery.attempts + 1, **facts
        )


async def send(name: str, channel: Channel, message: Message) -> None:
    """Send once. Raises `DeliveryError`, also for a fault of our own, which is not retried without end."""
    try:
        await channel.send(message)
    except DeliveryError:
        raise
    except Exception as error:
        _log.exception("channel failed", extra={"channel": name})
        raise DeliveryError(f"internal: {type(error).__name__}") from error


async def resolve(policy: EgressPolicy, host: str) -> str:
    """Return the first address of a receiver. Raises `DeliveryError`, for good where the policy forbids it."""
    try:
        return (await policy.resolve(host))[0]
    except EgressRefusedError as error:
        raise DeliveryError(f"egress policy: {error}", permanent=True) from None
    except EgressError as error:
        raise DeliveryError(str(error)) from None


def backoff(retry: Retry, attempts: int) -> float:
    """Return the seconds to wait after so many attempts: doubled up to a limit, half of it random.

    Thus deliveries that failed together are not repeated together.
    """
    full = min(
        retry.largest.total_seconds(), retry.first.total_seconds() * 2 ** min(attempts - 1, 30)
    )
    return full * (0.5 + random_fraction() / 2)
