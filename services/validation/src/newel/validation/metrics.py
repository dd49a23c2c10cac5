"""Every metric of the validation authority."""

from collections import Counter as Tally
from collections.abc import Iterator
from functools import partial

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
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self.answers: Tally[str] = Tally()
        registry.register(_Answers(self.answers))
        self.signed = counter("newel_ocsp_signed_total", "OCSP responses signed")
        self.cached = gauge("newel_ocsp_cached_answers", "OCSP responses in memory")
        self.lag = gauge(
            "newel_validation_lag_seconds",
            "Seconds since revocations were last compared with the issuing authority's",
        )
        self.repaired = counter(
            "newel_validation_repaired_total",
            "Revocations that reconciliation found and no event had announced",
        )
        self.crl_number = gauge("newel_crl_number", "Number of the CRL that is served", ("issuer",))
        self.crl_entries = gauge(
            "newel_crl_entries", "Entries of the CRL that is served", ("issuer",)
        )
        self.crl_octets = gauge("newel_crl_octets", "Length of the CRL that is served", ("issuer",))
        self.crl_next_update = gauge(
            "newel_crl_next_update_seconds",
            "nextUpdate of the CRL that is served, since 1970",
            ("issuer",),
        )
        self.offline_crl_next_update = gauge(
            "newel_offline_crl_next_update_seconds",
            "nextUpdate of the CRL that a ceremony made, since 1970; 0: there is none",
            ("issuer",),
        )
        self.crl_place_next_update = gauge(
            "newel_crl_place_next_update_seconds",
            "The first nextUpdate of the CRLs at a place that they are published at, since 1970",
            ("place",),
        )
        self.krl_made = gauge(
            "newel_krl_made_seconds",
            "When the key revocation list that is served was made, since 1970; 0: there is none",
        )
        self.crl_failures = counter("newel_crl_failures_total", "CRLs that could not be published")
        self.responder_not_after = gauge(
            "newel_ocsp_responder_not_after_seconds",
            "When the responder's certificate expires, since 1970; 0: it is unusable",
            ("issuer",),
        )

    def measure_crl(self, issuer: str, number: int, entries: int, octets: int) -> None:
        """Record what an issuer's complete CRL is that is served."""
        self.crl_number.labels(issuer).set(number)
        self.crl_entries.labels(issuer).set(entries)
        self.crl_octets.labels(issuer).set(octets)
