"""What an operator asks about events: do they arrive, how late, and does anybody keep failing."""

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from newel.runtime.clock import Clock
from newel.runtime.events import Event

Deliver = Callable[[Sequence[Event]], Awaitable[None]]


class EventMetrics:
    """Counts deliveries by consumer; the relay to NATS is the consumer ``nats``."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._delivered = Counter(
            "newel_events_delivered_total",
            "Events a consumer has handled",
            ("consumer",),
            registry=registry,
        )
        self._failures = Counter(
            "newel_event_delivery_failures_total",
            "Batches of events a consumer could not handle and will get again",
            ("consumer",),
            registry=registry,
        )
        self._delay = Gauge(
            "newel_event_delay_seconds",
            "How long after its commit the last event was handled",
            ("consumer",),
            registry=registry,
        )

    def watch(self, consumer: str, deliver: Deliver) -> Deliver:
        """The same delivery, counted."""
        delivered = self._delivered.labels(consumer)
        failures = self._failures.labels(consumer)
        delay = self._delay.labels(consumer)

        async def counted(events: Sequence[Event]) -> None:
            try:
                await deliver(events)
            except Exception:
                failures.inc()
                raise
            delivered.inc(len(events))
            delay.set(max(0.0, self._clock.unix() - events[-1].at))

        return counted
