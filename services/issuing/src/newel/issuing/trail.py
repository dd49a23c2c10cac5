"""What is told of every decision: a line of audit and a count."""

from newel.issuing.metrics import Metrics
from newel.issuing.records import Intent, Revocation, Revoking
from newel.runtime.audit import Audit
from newel.runtime.errors import NewelError

GRANTED = "granted"
REFUSED = "refused"


class Trail:
    """Writes decisions down. Public keys and idempotency keys go in as digests or not at all."""

    def __init__(self, audit: Audit, metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    def require_writable(self) -> None:
        """Raises ``unavailable`` while decisions cannot be written down: then none is taken."""
        self._audit.require_writable()

    def count_issued(self, count: int) -> None:
        """So many requests got their certificates; each has its line by ``issued``."""
        self._metrics.requested(GRANTED, count)

    def issued(self, serial: bytes, issuer: str, request_id: str) -> None:
        """A request got its certificate."""
        self._audit.record(
            "issue", GRANTED, serial=serial.hex(), issuer=issuer, request_id=request_id
        )

    def not_issued(self, refusal: NewelError, request_id: str) -> None:
        """A request got none."""
        self._metrics.requested(refusal.type.value)
        self._audit.record(
            "issue", REFUSED, type=refusal.type.value, cause=refusal.cause, request_id=request_id
        )

    def revoked(self, revoking: Revoking) -> None:
        """A certificate was revoked."""
        self._metrics.revoked(GRANTED)
        self._audit.record(
            "revoke",
            GRANTED,
            serial=revoking.revocation.serial.hex(),
            reason=revoking.revocation.reason,
            active=revoking.revocation.active,
            actor=revoking.actor,
            provisioner=revoking.provisioner,
            request_id=revoking.request_id,
        )

    def not_revoked(self, refusal: NewelError, actor: str, request_id: str) -> None:
        """A certificate was not revoked."""
        self._metrics.revoked(refusal.type.value)
        self._audit.record(
            "revoke",
            REFUSED,
            type=refusal.type.value,
            cause=refusal.cause,
            actor=actor,
            request_id=request_id,
        )

    def not_signed(self, intent: Intent, refusal: NewelError) -> None:
        """The signer refused the statement itself."""
        self._audit.record("sign", REFUSED, serial=intent.serial.hex(), cause=refusal.cause)

    def badly_signed(self, intent: Intent, cause: str) -> None:
        """The signer returned what does not verify."""
        self._metrics.bad_signature()
        self._audit.record("sign", "invalid", serial=intent.serial.hex(), cause=cause)

    def finished(self, intent: Intent) -> None:
        """Reconciliation completed what a crash had left open."""
        self._metrics.reconciled("finished")
        self._audit.record("reconcile", "finished", serial=intent.serial.hex())

    def ended(self, revocation: Revocation, cause: str) -> None:
        """Reconciliation closed and revoked what could not be completed any more."""
        self._metrics.reconciled("ended")
        self._audit.record("reconcile", "ended", serial=revocation.serial.hex(), cause=cause)
