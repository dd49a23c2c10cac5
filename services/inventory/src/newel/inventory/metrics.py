"""Every metric of the inventory. Labels are from closed sets: no name or serial ever becomes one."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """On a registry of the service's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.catalogued = counter(
            "newel_inventory_catalogued_total", "Certificates taken into the catalogue"
        )
        self.missed = counter(
            "newel_inventory_missed_total",
            "Certificates that no event had told and reconciliation found",
        )
        self.unreadable = counter(
            "newel_inventory_unreadable_total",
            "Events and records that could not be read and were passed over",
        )
        self.reported = counter(
            "newel_inventory_endpoint_events_total",
            "Endpoints said to be unrenewed, expiring or expired, or renewed after that",
            ("event",),
        )
        self.lookups = counter(
            "newel_inventory_lookups_total",
            "Questions for metadata, by whether anything was known",
            ("known",),
        )
        self.reconciled = gauge(
            "newel_inventory_reconciled_timestamp_seconds",
            "When the catalogue was last compared with the issuing authority, since 1970",
        )
        self.certificates = gauge(
            "newel_inventory_certificates",
            "Certificates in the catalogue: active, expired, revoked",
            ("state",),
        )
        self.expiring = gauge(
            "newel_inventory_certificates_expiring",
            "Active certificates that end within a time",
            ("within",),
        )
        self.endpoints = gauge(
            "newel_inventory_endpoints",
            "Endpoints: active, expiring (said and not renewed), ended",
            ("state",),
        )
        self.soonest = gauge(
            "newel_inventory_soonest_expiry_timestamp_seconds",
            "When the first active certificate ends, since 1970; 0 when there is none",
        )
