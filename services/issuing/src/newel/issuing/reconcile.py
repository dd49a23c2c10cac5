"""Reconciliation: intents that a crash left open are finished, or ended for good.

Runs under a lease, in one process at a time. What can be signed is signed, so that a late retry
still gets its certificate; what cannot is closed, and its serial revoked, because nobody knows
whether a signature over it was made and lost.
"""

import datetime as dt

from newel.issuing import events
from newel.issuing.assembly import SignedCertificate
from newel.issuing.completion import Completion, Recorded
from newel.issuing.issuers import Issuers
from newel.issuing.records import CertificateStore, Intent, Record, Revocation, Revoking
from newel.issuing.revocation import CESSATION_OF_OPERATION
from newel.issuing.trail import Trail
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType

_BATCH = 64
_ACTOR = "reconciliation"


class Reconciliation:
    """Leaves no intent open that is older than ``after``."""

    def __init__(
        self,
        store: CertificateStore,
        completion: Completion,
        issuers: Issuers,
        clock: Clock,
        trail: Trail,
        after: dt.timedelta,
    ) -> None:
        self._store = store
        self._completion = completion
        self._issuers = issuers
        self._clock = clock
        self._trail = trail
        self._after = after.total_seconds()

    async def run(self) -> int:
        """One pass over the oldest open intents. How many it finished or ended."""
        now = int(self._clock.unix())
        left = await self._store.left_open(int(now - self._after), now, _BATCH)
        possible = [record for record in left if self._can_be_signed(record, now)]
        outcomes = await self._completion.complete([Recorded(r.intent, "") for r in possible])
        settled = 0
        for record, outcome in zip(possible, outcomes, strict=True):
            if isinstance(outcome, SignedCertificate):
                self._trail.finished(record.intent)
                settled += 1
            elif outcome.type is not ErrorType.UNAVAILABLE:
                settled += await self._end(record.intent, now, "the signer refuses it")
        for record in left:
            if not self._can_be_signed(record, now):
                cause = "it expired, or its issuer was retired"
                settled += await self._end(record.intent, now, cause)
        return settled

    def _can_be_signed(self, record: Record, now: int) -> bool:
        issuer = self._issuers.get(record.intent.issuer)
        return issuer is not None and issuer.active and record.intent.not_after > now

    async def _end(self, intent: Intent, now: int, cause: str) -> bool:
        revocation = Revocation(
            serial=intent.serial,
            issuer=intent.issuer,
            revoked_at=now,
            reason=CESSATION_OF_OPERATION,
            active=True,
            not_after=intent.not_after,
        )
        revoking = Revoking(
            revocation,
            actor=_ACTOR,
            provisioner="",
            reason_text=f"left unfinished by a crash; {cause}",
            request_id="",
            recorded_at=now,
            block=None,
        )
        ended = await self._store.abandon(revoking, events.revoked(revocation, _ACTOR, ""))
        if ended:
            self._trail.ended(revocation, cause)
        return ended
