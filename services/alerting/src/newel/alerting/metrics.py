"""Every metric of alerting. Channel names come from the configuration, so labels are bounded."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """On a registry of the service's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.notices = Counter(
            "newel_alerting_notices_total",
            "Notices opened and resolved",
            ("event",),
            registry=registry,
        )
        self.deliveries = Counter(
            "newel_alerting_deliveries_total",
            "Attempts to tell a channel: delivered, postponed, failed for good",
            ("channel", "phase", "result"),
            registry=registry,
        )
        self.unreadable = Counter(
            "newel_alerting_unreadable_total",
            "Events that could not be read and were passed over",
            registry=registry,
        )
        self.open = Gauge(
            "newel_alerting_open_notices", "Notices that are not resolved", registry=registry
        )
        self.waiting = Gauge(
            "newel_alerting_waiting_seconds",
            "How long the oldest delivery has been waiting; 0 when none is",
            ("channel",),
            registry=registry,
        )
