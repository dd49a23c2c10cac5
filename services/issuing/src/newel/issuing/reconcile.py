"""Reconciliation: intents that a crash left open are finished, or ended for good.

It runs under a lease, in one process at a time. What can be signed is signed, so that a late retry
still gets its certificate. What cannot is closed and its serial revoked, because a signature over it
may have been made and lost.
"""

import datetime as dt
from typing import Generic

from newel.issuing.assembly import SignedCertificate
from newel.issuing.completion import Completion, IssuerRegistry, IssuerT
from newel.issuing.decisions import AuditTrail, Decision, Operation, Result
from newel.issuing.records import CertificateStore, Intent, Record, Revocation, RevocationEntry
from newel.issuing.revocation import CESSATION_OF_OPERATION
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType

_BATCH = 64


class Reconciliation(Generic[IssuerT]):
    """Leaves no intent open that is older than ``after``."""

    def __init__(
        self,
        store: CertificateStore,
        completion: Completion[IssuerT],
        issuers: IssuerRegistry[IssuerT],
        clock: Clock,
        trail: AuditTrail,
        after: dt.timedelta,
    ) -> None:
        self._store = store
        self._completion = completion
        self._issuers = issuers
        self._clock = clock
        self._trail = trail
        self._after = after

    async def run(self) -> int:
        """Go over the oldest open intents once; return how many were finished or ended."""
        now = self._clock.now()
        left = await self._store.list_open(now - self._after, now, _BATCH)
        signable = [record.intent for record in left if self._can_be_signed(record, now)]
        outcomes = await self._completion.complete(signable, fresh=False)
        settled = 0
        for intent, outcome in zip(signable, outcomes, strict=True):
            if isinstance(outcome, SignedCertificate):
                facts = {"serial": intent.serial.hex()}
                self._trail.record([Decision(Operation.RECONCILE, Result.FINISHED, facts)])
                settled += 1
            elif outcome.type is not ErrorType.UNAVAILABLE:
                settled += await self._end(intent, now, "the signer refuses it")
        for record in left:
            if not self._can_be_signed(record, now):
                cause = "it expired, or its issuer was retired"
                settled += await self._end(record.intent, now, cause)
        return settled

    def _can_be_signed(self, record: Record, now: dt.datetime) -> bool:
        issuer = self._issuers.get(record.intent.issuer)
        return issuer is not None and issuer.active and record.intent.not_after > now

    async def _end(self, intent: Intent, now: dt.datetime, cause: str) -> bool:
        revocation = Revocation(
            serial=intent.serial,
            issuer=intent.issuer,
            revoked_at=now,
            reason=CESSATION_OF_OPERATION,
            active=True,
            not_after=intent.not_after,
        )
        entry = RevocationEntry(
            revocation,
            actor="reconciliation",
            provisioner="",
            reason_text=f"left unfinished by a crash; {cause}",
            request_id="",
            recorded_at=now,
        )
        ended = await self._store.abandon(entry)
        if ended:
            facts = {"serial": intent.serial.hex(), "cause": cause}
            self._trail.record([Decision(Operation.RECONCILE, Result.ENDED, facts)])
        return ended
