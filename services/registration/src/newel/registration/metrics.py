"""The metrics of the registration authority. Labels are bounded: outcomes, methods, provisioners."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from newel.registration.refusals import RefusalCounts
from newel.runtime.errors import NewelError
from newel.runtime.metrics import Alias

GRANTED = "granted"


class Metrics:
    """The metrics of this service, on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.registry = registry
        self.refusals = RefusalCounts()
        self.decisions = counter(
            "newel_registration_decisions_total",
            "Decisions by operation and outcome (granted, or the type of the error)",
            ("operation", "outcome"),
        )
        self.signed = counter(
            "newel_registration_signed_total",
            "Certificates requested with tokens or ACME orders, by provisioner",
            ("provisioner", "success"),
        )
        self.renewed = counter(
            "newel_registration_renewed_total",
            "Renewals, by provisioner",
            ("provisioner", "success"),
        )
        self.rekeyed = counter(
            "newel_registration_rekeyed_total",
            "Renewals with a new key, by provisioner",
            ("provisioner", "success"),
        )
        self.provisioners = gauge(
            "newel_registration_provisioners",
            "Provisioners by state: on, disabled by configuration, off because they cannot be used",
            ("state",),
        )
        self.server_certificate_expiry = gauge(
            "newel_registration_server_certificate_expiry_timestamp_seconds",
            "When the server's own TLS certificate expires",
        )
        self.used_tokens_swept = counter(
            "newel_registration_used_token_sweeps_total", "Runs that forgot expired used tokens"
        )
        self.rate_limited = counter(
            "newel_registration_rate_limited_total",
            "Requests over a rate limit: address, new-account, new-order, acme-orders",
            ("limit",),
        )
        self.webhooks = counter(
            "newel_registration_webhooks_total",
            "Calls of webhooks, by kind and outcome (allowed, denied, failed, unavailable, dropped)",
            ("kind", "outcome"),
        )
        Alias(self.signed, "step_ca_x509_signed", registry)
        Alias(self.renewed, "step_ca_x509_renewed", registry)
        Alias(self.rekeyed, "step_ca_x509_rekeyed", registry)
        self._by_operation = {
            "sign": self.signed,
            "acme.finalize": self.signed,
            "scep.enrol": self.signed,
            "renew": self.renewed,
            "rekey": self.rekeyed,
            "scep.renew": self.rekeyed,
        }
        self._children: dict[tuple[str, str, str], tuple[Counter, ...]] = {}

    def count(self, operation: str, provisioner: str, error: NewelError | None) -> None:
        """Count one decision. ``provisioner`` is a configured name, or ``""`` where none was found."""
        outcome = GRANTED if error is None else error.type.value
        key = operation, provisioner, outcome
        counters = self._children.get(key)
        if counters is None:  # finding a labelled counter costs more than counting
            counters = self._children[key] = self._find(*key)
        for counter in counters:
            counter.inc()
        if error is not None:
            self.refusals.add(provisioner, error)

    def _find(self, operation: str, provisioner: str, outcome: str) -> tuple[Counter, ...]:
        decision = self.decisions.labels(operation, outcome)
        counter = self._by_operation.get(operation)
        if counter is None:
            return (decision,)
        return decision, counter.labels(provisioner, "true" if outcome == GRANTED else "false")
