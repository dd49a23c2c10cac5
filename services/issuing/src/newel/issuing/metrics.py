"""Every metric of the issuing authority. Labels are bounded: error names and configured issuers."""

import datetime as dt
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """The metrics of the issuing authority."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self._requests = counter(
            "newel_issuing_requests_total",
            "Requests for certificates, by outcome (an error's name, or granted)",
            ("outcome",),
        )
        self._revocations = counter(
            "newel_issuing_revocations_total",
            "Requests to revoke, by outcome (an error's name, or granted)",
            ("outcome",),
        )
        self._reconciled = counter(
            "newel_issuing_reconciled_total",
            "Intents left open by a crash: finished, or ended unsigned",
            ("outcome",),
        )
        self._bad_signatures = counter(
            "newel_issuing_bad_signatures_total",
            "Signatures of the signer that did not verify and were never released",
        )
        self._unsettled_keys = gauge(
            "newel_issuing_compromised_keys_unsettled",
            "Keys declared compromised whose other certificates are still being revoked",
        )
        self._issuer_not_after = gauge(
            "newel_issuing_issuer_not_after_seconds",
            "When an issuer expires, in seconds since 1970",
            ("issuer",),
        )
        self._families = {
            "issue": self._requests,
            "revoke": self._revocations,
            "ssh-issue": counter(
                "newel_issuing_ssh_requests_total",
                "Requests for SSH certificates, by outcome (an error's name, or granted)",
                ("outcome",),
            ),
            "ssh-revoke": counter(
                "newel_issuing_ssh_revocations_total",
                "Requests to revoke SSH certificates, by outcome",
                ("outcome",),
            ),
            "reconcile": self._reconciled,
        }
        self._children: dict[tuple[str, str], Counter] = {}

    def count(self, operation: str, outcome: str, count: int) -> None:
        """Count decisions of one operation with one outcome: the name of an error or of a result."""
        if operation in self._families:
            self._child(operation, outcome).inc(count)
        elif outcome == "invalid":
            self._bad_signatures.inc(count)

    def set_unsettled_keys(self, count: int) -> None:
        """Set how many compromised keys may still have certificates."""
        self._unsettled_keys.set(count)

    def set_issuer_not_after(self, issuer: str, not_after: dt.datetime) -> None:
        """Set when an issuer expires."""
        self._issuer_not_after.labels(issuer).set(not_after.timestamp())

    def _child(self, operation: str, outcome: str) -> Counter:
        child = self._children.get((operation, outcome))
        if child is None:
            child = self._children[operation, outcome] = self._families[operation].labels(outcome)
        return child
