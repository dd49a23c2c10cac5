"""Every metric of alerting. Channel names come from the configuration, so labels are bounded."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """On a registry of the service's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.notices = counter(
            "newel_alerting_notices_total", "Notices opened and resolved", ("event",)
        )
        self.deliveries = counter(
            "newel_alerting_deliveries_total",
            "Attempts to tell a channel: delivered, postponed, failed for good",
            ("channel", "phase", "result"),
        )
        self.unreadable = counter(
            "newel_alerting_unreadable_total", "Events that could not be read and were passed over"
        )
        self.open = gauge("newel_alerting_open_notices", "Notices that are not resolved")
        self.waiting = gauge(
            "newel_alerting_waiting_seconds",
            "How long the oldest delivery has been waiting; 0 when none is",
            ("channel",),
        )
