"""Every metric of the issuing authority. Labels are bounded: error names, issuers of the configuration."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """What the issuing authority counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "newel_issuing_requests_total",
            "Requests for certificates, by what became of them (an error's name, or granted)",
            ("outcome",),
            registry=registry,
        )
        self._revocations = Counter(
            "newel_issuing_revocations_total",
            "Requests to revoke, by what became of them (an error's name, or granted)",
            ("outcome",),
            registry=registry,
        )
        self._reconciled = Counter(
            "newel_issuing_reconciled_total",
            "Intents left open by a crash: finished, or ended unsigned",
            ("outcome",),
            registry=registry,
        )
        self._bad_signatures = Counter(
            "newel_issuing_bad_signatures_total",
            "Signatures of the signer that did not verify and were never released",
            registry=registry,
        )
        self._issuer_end = Gauge(
            "newel_issuing_issuer_not_after_seconds",
            "When an issuer ends, in seconds since 1970",
            ("issuer",),
            registry=registry,
        )
        self._children: dict[tuple[str, str], Counter] = {}

    def requested(self, outcome: str, count: int = 1) -> None:
        """Counts requests for certificates; ``outcome`` is "granted" or an error's name."""
        self._child("requests", self._requests, outcome).inc(count)

    def revoked(self, outcome: str) -> None:
        """Counts one request to revoke."""
        self._child("revocations", self._revocations, outcome).inc()

    def reconciled(self, outcome: str) -> None:
        """Counts one intent that reconciliation settled: "finished" or "ended"."""
        self._child("reconciled", self._reconciled, outcome).inc()

    def bad_signature(self) -> None:
        """Counts one signature that did not verify."""
        self._bad_signatures.inc()

    def issuer_ends(self, issuer: str, at: float) -> None:
        """Says when an issuer ends."""
        self._issuer_end.labels(issuer).set(at)

    def _child(self, name: str, family: Counter, outcome: str) -> Counter:
        child = self._children.get((name, outcome))
        if child is None:
            child = self._children[name, outcome] = family.labels(outcome)
        return child
