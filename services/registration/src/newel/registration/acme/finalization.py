"""From a claimed order to its certificate, now or after a crash."""

import datetime as dt

from newel.crypto import csr
from newel.registration.acme import ids, requests, responses
from newel.registration.acme.claims import Claims
from newel.registration.acme.issuance import build_issue_request
from newel.registration.acme.records import INVALID, PROCESSING, VALID, Claim
from newel.registration.acme.settings import Limits, Provisioners
from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.issuance import Issuance
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_S = dt.timedelta(seconds=1)
_LATER = frozenset({ErrorType.UNAVAILABLE, ErrorType.SERVER_INTERNAL, ErrorType.RATE_LIMITED})
"""Refusals that say nothing about the order: it stays processing and is tried again."""
_ANOTHER_CSR = frozenset({ErrorType.BAD_CSR, ErrorType.BAD_PUBLIC_KEY})
"""Refusals another CSR can mend: the order is ready again (RFC 8555 §7.4)."""


class Finalizer:
    """Carries claimed orders through. Any replica may take over a claim that was left behind."""

    def __init__(
        self,
        claims: Claims,
        issuance: Issuance,
        provisioners: Provisioners,
        limits: Limits,
        clock: Clock,
        decisions: AuditTrail,
    ) -> None:
        self._claims = claims
        self._issuance = issuance
        self._provisioners = provisioners
        self._limits = limits
        self._clock = clock
        self._decisions = decisions

    async def carry_through(
        self, claim: Claim, request: csr.VerifiedRequest, *, reopen: bool
    ) -> str:
        """Has the certificate issued and stored; the order's new status.

        A refusal is recorded and raised: with ``reopen`` one that another CSR can mend leaves the
        order ready, since its client is there to hear of it; any other makes it invalid.
        """
        try:
            self._decisions.require_writable()
            provisioner = self._issuing(claim.provisioner)
            issued = await self._issuance.issue(
                build_issue_request(claim, request, provisioner, self._clock.now())
            )
        except NewelError as error:
            return await self._refused(claim, error, reopen=reopen)
        await self._claims.complete(claim, issued.der, issued.issuer)
        facts = {
            "order": ids.text(claim.order_id),
            "provisioner": claim.provisioner,
            "serial": issued.serial.hex(),
            "identifiers": [name.value for name in claim.identifiers],
        }
        self._decisions.write(Decision("acme.finalize", facts))
        return VALID

    async def resume(self, order: bytes) -> bool:
        """Carries one order through if its claim was left behind; whether anything was done."""
        claim = await self._claims.lost_of(order, *self._lost())
        return claim is not None and await self._take_over(claim) != PROCESSING

    async def resume_all(self, limit: int = 100) -> int:
        """The same for every order; how many ended. Stops when the issuing authority is away."""
        ended = 0
        for claim in await self._claims.lost(*self._lost(), limit):
            if await self._take_over(claim) == PROCESSING:
                break
            ended += 1
        return ended

    async def _take_over(self, claim: Claim) -> str:
        """The order's status after another try; PROCESSING when somebody else tries."""
        now = int(self._clock.unix())
        taken = await self._claims.take_over(claim, random_bytes(16), now)
        if taken is None:
            return PROCESSING
        try:
            try:
                request = requests.verified(claim.csr)
            except NewelError as error:  # the rules for CSRs have changed since
                return await self._refused(taken, error, reopen=False)
            return await self.carry_through(taken, request, reopen=False)
        except NewelError:
            return INVALID  # it is recorded in the order, where its client will read it

    def _issuing(self, name: str) -> ACMEProvisioner:
        provisioner = self._provisioners(name)
        if provisioner is None:
            raise NewelError(ErrorType.UNAUTHORIZED, "the provisioner does not issue any more")
        return provisioner

    async def _refused(self, claim: Claim, error: NewelError, *, reopen: bool) -> str:
        if error.type in _LATER:
            outcome = PROCESSING
        else:
            outcome = "ready" if reopen and error.type in _ANOTHER_CSR else INVALID
        facts = {
            "order": ids.text(claim.order_id),
            "provisioner": claim.provisioner,
            "status": outcome,
        }
        self._decisions.write(Decision("acme.finalize", facts, error))
        if outcome == PROCESSING:
            return await self._try_later(claim)
        if outcome == INVALID:
            await self._claims.fail(claim, responses.encode(responses.problem_document(error)))
        else:
            await self._claims.reopen(claim)
        raise error

    async def _try_later(self, claim: Claim) -> str:
        """The order stays processing until its next try, or is given up after the last."""
        if claim.tries >= self._limits.finalization_tries:
            given_up = NewelError(
                ErrorType.UNAVAILABLE,
                "the certificate could not be issued, because the issuing authority does not answer:"
                " place a new order later",
            )
            await self._claims.fail(claim, responses.encode(responses.problem_document(given_up)))
            raise given_up
        pause = min(2 ** (claim.tries + 1), self._limits.longest_pause / _S)
        now = self._clock.unix()
        await self._claims.put_off(claim, int(now + pause - self._limits.lost_after / _S))
        return PROCESSING

    def _lost(self) -> tuple[int, int]:
        """Claims older than the first are lost; the second is now."""
        now = int(self._clock.unix())
        return now - int(self._limits.lost_after / _S), now
