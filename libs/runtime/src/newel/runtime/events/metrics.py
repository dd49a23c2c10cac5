"""What an operator asks about events: do they arrive, how late, and does anyone keep failing."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.events.backlog import read_backlog
from newel.runtime.events.contract import Event

Deliver = Callable[[Sequence[Event]], Awaitable[None]]

MEASURED_EVERY = 5.0
FORGOTTEN_AFTER = 60.0
"""Seconds after which the delay of the last delivery is no news any more."""


class EventMetrics:
    """Counts deliveries by consumer; the relay to NATS is the consumer ``nats``."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self._clock = clock
        self._delivered = counter(
            "newel_events_delivered_total", "Events a consumer has handled", ("consumer",)
        )
        self._failures = counter(
            "newel_event_delivery_failures_total",
            "Batches of events a consumer could not handle and will get again",
            ("consumer",),
        )
        self._delay = gauge(
            "newel_event_delay_seconds",
            "How long after its commit the last event of the last minute was handled; 0 without one",
            ("consumer",),
        )
        self._waiting = gauge(
            "newel_outbox_waiting_events",
            "Events in the outbox that a consumer, or the relay to NATS, has not had",
            ("consumer",),
        )
        self._oldest = gauge(
            "newel_outbox_oldest_seconds",
            "How long the oldest event has been waiting in the outbox; 0 when none waits",
            ("consumer",),
        )
        self._odd = counter(
            "newel_events_passed_over_total",
            "Messages in the stream that no service of this authority writes",
            ("consumer",),
        )

    def watch(self, consumer: str, deliver: Deliver) -> Deliver:
        """Return the same delivery, counted."""
        delivered = self._delivered.labels(consumer)
        failures = self._failures.labels(consumer)
        last = _Last()
        self._delay.labels(consumer).set_function(last.delay)

        async def deliver_counted(events: Sequence[Event]) -> None:
            try:
                await deliver(events)
            except Exception:
                failures.inc()
                raise
            delivered.inc(len(events))
            last.note(max(0.0, self._clock.unix() - events[-1].at))

        return deliver_counted

    def count_foreign(self, consumer: str) -> Callable[[], None]:
        """Return a function that counts a message which no service wrote."""
        return self._odd.labels(consumer).inc

    async def measure(self, outboxes: Mapping[str, Sequence[Database]]) -> None:
        """Export what waits for each consumer in the outboxes it reads."""
        for consumer, databases in outboxes.items():
            found = [await read_backlog(database, consumer) for database in databases]
            oldest = min((at for _, at in found if at is not None), default=None)
            self._waiting.labels(consumer).set(sum(count for count, _ in found))
            age = 0.0 if oldest is None else max(0.0, self._clock.unix() - oldest)
            self._oldest.labels(consumer).set(age)


class _Last:
    """The delay of the last delivery, which says nothing any more once it is old."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._at = 0.0

    def note(self, delay: float) -> None:
        """Note a delivery."""
        self._delay, self._at = delay, time.monotonic()

    def delay(self) -> float:
        """Seconds."""
        return self._delay if time.monotonic() - self._at < FORGOTTEN_AFTER else 0.0
