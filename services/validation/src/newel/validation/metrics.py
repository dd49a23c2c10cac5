"""Every metric of the validation authority."""

from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

ANSWERS = ("good", "revoked", "unknown", "unauthorized", "malformed", "internalError", "tryLater")


class _Answers(Collector):
    """OCSP responses, counted in plain integers: the hot path cannot afford a lock."""

    def __init__(self, tally: Tally[str]) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Yield one counter for each kind of response."""
        family = CounterMetricFamily(
            "newel_ocsp_answers", "OCSP requests answered, by response", labels=["answer"]
        )
        for answer in ANSWERS:
            family.add_metric([answer], self._tally[answer])
        yield family


class Metrics:
    """The metrics of the validation authority."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.answers: Tally[str] = Tally()
        registry.register(_Answers(self.answers))
        self.signed = Counter("newel_ocsp_signed_total", "OCSP responses signed", registry=registry)
        self.cached = Gauge(
            "newel_ocsp_cached_answers", "OCSP responses in memory", registry=registry
        )
        self.lag = Gauge(
            "newel_validation_lag_seconds",
            "Seconds since revocations were last compared with the issuing authority's",
            registry=registry,
        )
        self.repaired = Counter(
            "newel_validation_repaired_total",
            "Revocations that reconciliation found and no event had announced",
            registry=registry,
        )
        self.crl_number = Gauge(
            "newel_crl_number", "Number of the CRL that is served", ("issuer",), registry=registry
        )
        self.crl_entries = Gauge(
            "newel_crl_entries", "Entries of the CRL that is served", ("issuer",), registry=registry
        )
        self.crl_octets = Gauge(
            "newel_crl_octets", "Length of the CRL that is served", ("issuer",), registry=registry
        )
        self.crl_next_update = Gauge(
            "newel_crl_next_update_seconds",
            "nextUpdate of the CRL that is served, since 1970",
            ("issuer",),
            registry=registry,
        )
        self.offline_crl_next_update = Gauge(
            "newel_offline_crl_next_update_seconds",
            "nextUpdate of the CRL that a ceremony made, since 1970; 0: there is none",
            ("issuer",),
            registry=registry,
        )
        self.crl_failures = Counter(
            "newel_crl_failures_total", "CRLs that could not be published", registry=registry
        )
        self.responder_not_after = Gauge(
            "newel_ocsp_responder_not_after_seconds",
            "When the responder's certificate expires, since 1970; 0: it is unusable",
            ("issuer",),
            registry=registry,
        )
