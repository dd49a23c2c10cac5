"""Every decision of the ACME server is written down and counted here."""

from typing import Any

from newel.registration.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.errors import NewelError


class AuditTrail:
    """The audit trail and the metrics, as the parts of the ACME server use them."""

    def __init__(self, audit: Audit, metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    def require_writable(self) -> None:
        """Raises ``unavailable`` while decisions cannot be written down: then nothing is issued."""
        self._audit.require_writable()

    def granted(self, event: str, *, provisioner: str, **facts: Any) -> None:
        """Something was done: "acme.new-order", "acme.finalize" …"""
        self._metrics.count(event, provisioner, None)
        self._audit.record(event, "granted", provisioner=provisioner, **facts)

    def refused(self, event: str, error: NewelError, *, provisioner: str, **facts: Any) -> None:
        """Something was not done, and why. ``provisioner`` is "" unless it is one of ours."""
        self._metrics.count(event, provisioner, error)
        self._audit.record(
            event,
            "refused",
            provisioner=provisioner,
            type=error.type.value,
            cause=error.cause,
            **facts,
        )
