"""Decisions as values, and the one place that writes them to the audit trail and the metrics."""

from collections.abc import Mapping
from typing import Any

import msgspec

from newel.registration.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.errors import NewelError
from newel.runtime.http.access_log import note_cause


class Decision(msgspec.Struct, frozen=True):
    """What was decided about one request: granted, or refused with an error."""

    operation: str
    """``sign``, ``acme.finalize`` …"""
    facts: Mapping[str, Any]
    """``provisioner`` among them is one of the configured names, or ``""``: it is a metric's label."""
    error: NewelError | None = None


class AuditTrail:
    """Writes decisions down and counts them."""

    def __init__(self, audit: Audit, metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    def require_writable(self) -> None:
        """Raise ``unavailable`` while decisions cannot be written down: then nothing is issued."""
        self._audit.require_writable()

    def write(self, decision: Decision) -> None:
        """Write one decision down."""
        error, facts = decision.error, decision.facts
        self._metrics.count(decision.operation, facts.get("provisioner", ""), error)
        if error is None:
            self._audit.record(decision.operation, "granted", **facts)
        else:
            note_cause(error.cause)
            self._audit.record(
                decision.operation, "refused", type=error.type.value, cause=error.cause, **facts
            )
