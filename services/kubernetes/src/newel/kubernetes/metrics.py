"""Every metric of the controller. Labels are kinds and outcomes, never names of objects."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """On a registry of the service's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.requests = counter(
            "newel_kubernetes_requests_total",
            "What became of requests for certificates: issued, refused, denied, postponed",
            ("kind", "outcome"),
        )
        self.waiting = gauge(
            "newel_kubernetes_waiting", "Objects that are to be worked on", ("kind",)
        )
        self.leads = gauge("newel_kubernetes_leads", "1 in the controller that works, 0 in others")
        self.issuers = gauge(
            "newel_kubernetes_issuers", "Issuers by whether they can be used", ("kind", "ready")
        )
