"""From a claimed order to its certificate, now or after a crash."""

import asyncio
import datetime as dt
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from newel.crypto import csr, loading
from newel.crypto.distinguished_names import Attribute
from newel.registration.acme import ids, requests, responses
from newel.registration.acme.attestations import find_device
from newel.registration.acme.caa_checks import CAAChecks, CAAUnavailableError
from newel.registration.acme.config import Limits
from newel.registration.acme.issuance import authorize_content, determine_content
from newel.registration.acme.order_rates import OrderRates
from newel.registration.acme.policies import NameChecks
from newel.registration.acme.records import Claim, OrderStatus
from newel.registration.acme.storage import Storage
from newel.registration.acme.successions import take_succession
from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.errors import TEMPORARY
from newel.registration.issuance import Issuance
from newel.registration.provisioners.acme import ACMEProvisioner, ACMEProvisioners
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_REOPENING = frozenset({ErrorType.BAD_CSR, ErrorType.BAD_PUBLIC_KEY})
"""Errors that another CSR can fix: the order is ready again (RFC 8555 §7.4)."""
_CONCURRENT = 8  # orders that are resumed at once


class Result(NamedTuple):
    """What became of an order that was tried."""

    status: OrderStatus
    stops_others: bool = False
    """Whether the issuing authority did not answer: no other order would get further."""


class Finalizer:
    """Completes claimed orders. Any replica may take over a claim that a crash left behind."""

    def __init__(
        self,
        storage: Storage,
        issuance: Issuance,
        provisioners: ACMEProvisioners,
        limits: Limits,
        clock: Clock,
        audit_trail: AuditTrail,
        name_checks: NameChecks,
        caa_checks: CAAChecks,
        order_rates: OrderRates,
        subject_defaults: Sequence[Attribute] = (),
    ) -> None:
        self._storage = storage
        self._issuance = issuance
        self._provisioners = provisioners
        self._limits = limits
        self._clock = clock
        self._audit_trail = audit_trail
        self._name_checks = name_checks
        self._caa_checks = caa_checks
        self._order_rates = order_rates
        self._subject_defaults = subject_defaults

    async def complete(self, claim: Claim, request: csr.VerifiedRequest, *, reopen: bool) -> Result:
        """Have the certificate issued and stored; return the order's new status.

        An error is recorded and raised: with ``reopen``, while its client waits, one that another CSR can
        fix leaves the order ready; any other makes it invalid.
        """
        is_asked = False
        try:
            self._audit_trail.require_writable()
            provisioner = self._provisioner(claim.provisioner).select(claim.profile)
            now = self._clock.now()
            device = await find_device(self._storage, claim, request)
            content = await determine_content(
                claim, request, provisioner, now, device, self._subject_defaults
            )
            message = content.message
            await self._name_checks.check_certificate(
                provisioner, claim.account, message.names, message.subject, now
            )
            await self._caa_checks.check_order(claim, provisioner)
            await authorize_content(content)
            await take_succession(self._storage, claim)
            is_asked = True
            issued = await self._issuance.issue(message)
        except NewelError as error:
            status = await self._handle_error(claim, error, reopen=reopen)
            return Result(status, is_asked and error.type is ErrorType.UNAVAILABLE)
        ends_at = loading.load_certificate(issued.der).not_valid_after_utc
        await self._storage.complete_order(claim, issued.der, issued.issuer, now, ends_at)
        content.notify(issued.der)
        facts = {
            "order": ids.text(claim.order_id),
            "provisioner": claim.provisioner,
            "serial": issued.serial.hex(),
            "identifiers": [name.value for name in claim.identifiers],
        }
        self._audit_trail.write(Decision("acme.finalize", facts))
        return Result(OrderStatus.VALID)

    async def resume(self, order: bytes) -> bool:
        """Complete one order if its claim was left behind; True when it has another status now."""
        claim = await self._storage.lost_claim(order, *self._lost_before())
        if claim is None:
            return False
        return (await self._take_over(claim)).status is not OrderStatus.PROCESSING

    async def resume_all(self, limit: int = 100) -> int:
        """Complete every order that was left behind and return how many ended.

        Stops while the issuing authority is unavailable. An order that waits for anything else, as the
        name servers of its names, holds up no other.
        """
        waiting = iter(await self._storage.lost_claims(*self._lost_before(), limit))
        ended, is_stopped = 0, False

        async def work(most: int) -> None:
            nonlocal ended, is_stopped
            for claim in itertools.islice(waiting, most):
                found = await self._take_over(claim)
                ended += found.status is not OrderStatus.PROCESSING
                is_stopped = is_stopped or found.stops_others
                if is_stopped:
                    return

        await work(1)  # where the issuing authority is unreachable, one try tells
        if not is_stopped:
            await asyncio.gather(*(work(limit) for _ in range(_CONCURRENT)))
        return ended

    async def _take_over(self, claim: Claim) -> Result:
        """Try again and return the order's status: PROCESSING while another process tries."""
        mine = random_bytes(16)
        taken = await self._storage.take_over_claim(claim, mine, self._clock.now())
        if taken is None:
            return Result(OrderStatus.PROCESSING)
        try:
            try:
                request = requests.verify(claim.csr)
                requests.check(request, claim.identifiers)
            except NewelError as error:
                return Result(await self._handle_error(taken, error, reopen=False))
            return await self.complete(taken, request, reopen=False)
        except NewelError:
            return Result(OrderStatus.INVALID)  # its client reads the error in the order

    def _provisioner(self, name: str) -> ACMEProvisioner:
        provisioner = self._provisioners(name)
        if provisioner is None:
            raise NewelError(ErrorType.UNAUTHORIZED, "the provisioner does not issue any more")
        return provisioner

    async def _handle_error(self, claim: Claim, error: NewelError, *, reopen: bool) -> OrderStatus:
        if error.type in TEMPORARY:  # it is tried again
            outcome = OrderStatus.PROCESSING
        elif reopen and error.type in _REOPENING:
            outcome = OrderStatus.READY
        else:
            outcome = OrderStatus.INVALID
        facts = {
            "order": ids.text(claim.order_id),
            "provisioner": claim.provisioner,
            "status": outcome.value,
        }
        self._audit_trail.write(Decision("acme.finalize", facts, error))
        if outcome is OrderStatus.PROCESSING:
            return await self._postpone(claim, error)
        if outcome is OrderStatus.INVALID:
            await self._fail(claim, error)
        else:
            rate = self._order_rates.names_use(claim)
            await self._storage.reopen_order(claim.order_id, claim.claim, rate)
        raise error

    async def _postpone(self, claim: Claim, cause: NewelError) -> OrderStatus:
        """Leave the order processing until its next try, or give it up after the last."""
        if claim.tries >= self._limits.finalization_tries:
            reason = "the issuing authority does not answer"
            if isinstance(cause, CAAUnavailableError):
                reason = cause.detail
            error = NewelError(
                ErrorType.UNAVAILABLE,
                f"the certificate could not be issued, because {reason}: place a new order later",
                subproblems=cause.subproblems,
            )
            await self._fail(claim, error)
            raise error
        pause = min(dt.timedelta(seconds=2 ** (claim.tries + 1)), self._limits.max_pause)
        claimed_at = self._clock.now() + pause - self._limits.lost_after
        await self._storage.postpone_claim(claim, claimed_at)
        return OrderStatus.PROCESSING

    async def _fail(self, claim: Claim, error: NewelError) -> None:
        rate = self._order_rates.names_use(claim)
        await self._storage.fail_order(claim, responses.encode_problem(error), rate)

    def _lost_before(self) -> tuple[dt.datetime, dt.datetime]:
        """Return the time before which a claim is lost, and now."""
        now = self._clock.now()
        return now - self._limits.lost_after, now
