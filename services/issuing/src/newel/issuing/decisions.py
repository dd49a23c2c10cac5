"""Decisions as values, and the one place that writes them to the audit trail and counts them."""

import enum
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from newel.issuing.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.errors import NewelError


class Operation(enum.StrEnum):
    """What was decided about."""

    ISSUE = "issue"
    REVOKE = "revoke"
    ISSUE_SSH = "ssh-issue"
    REVOKE_SSH = "ssh-revoke"
    BLOCK_KEY = "block-key"
    SIGN = "sign"
    RECONCILE = "reconcile"


class Result(enum.StrEnum):
    """How a decision went."""

    GRANTED = "granted"
    REFUSED = "refused"
    INVALID = "invalid"  # the signer returned a signature that does not verify
    FINISHED = "finished"  # reconciliation completed what a crash had left open
    ENDED = "ended"  # reconciliation closed and revoked what could not be completed


class Decision(NamedTuple):
    """One line of the audit trail. Keys appear in it as digests or not at all."""

    operation: Operation
    result: Result
    facts: Mapping[str, Any]
    error: NewelError | None = None

    @classmethod
    def refuse(cls, operation: Operation, error: NewelError, **facts: Any) -> "Decision":
        """Return the decision to refuse a request with this error."""
        facts = {"type": error.type.value, "cause": error.cause, **facts}
        return cls(operation, Result.REFUSED, facts, error)


class AuditTrail:
    """Writes decisions down and counts them."""

    def __init__(self, audit: Audit, metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    def require_writable(self) -> None:
        """Raise ``unavailable`` while decisions cannot be written down: then none is taken."""
        self._audit.require_writable()

    def record(self, decisions: Sequence[Decision]) -> None:
        """Write and count decisions, in order."""
        for decision in decisions:
            self._audit.record(decision.operation, decision.result, **decision.facts)
        for (operation, label), group in groupby(decisions, key=_label):
            self._metrics.count(operation, label, len(list(group)))


def _label(decision: Decision) -> tuple[str, str]:
    """Return what a decision is counted by: its operation, and its error or result."""
    error = decision.error
    return decision.operation, error.type if error else decision.result
