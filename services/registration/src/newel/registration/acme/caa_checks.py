"""CAA of every name of an order (RFC 8659), when it is validated and again before the certificate is issued."""

import asyncio
import datetime as dt
from collections.abc import Sequence

from newel.acme.caa import CAAQuestion, find_refusal
from newel.registration.acme.authorities import Authorities
from newel.registration.acme.config import Limits
from newel.registration.acme.records import Attempt, Claim, IdentifierProof
from newel.registration.acme.storage import Storage
from newel.registration.acme.urls import URLs
from newel.registration.challenges.caa import CAAFinder
from newel.registration.challenges.views import Views, disagree
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError, Subproblem

_CONCURRENT = 16  # names of one order
_SCHEME = "https://"


class CAAUnavailableError(NewelError):
    """Name servers failed: nothing is issued, and the same finalization may succeed later."""


class CAAChecks:
    """Checks the names of provisioners that want it; addresses and devices have no CAA records."""

    def __init__(
        self, storage: Storage, views: Views, authorities: Authorities, limits: Limits
    ) -> None:
        self._storage = storage
        self._views = views
        self._authorities = authorities
        self._seconds = limits.validation_deadline / dt.timedelta(seconds=1)

    async def check_attempt(self, attempt: Attempt, provisioner: ACMEProvisioner) -> None:
        """Check the name whose challenge is validated. Raises ``caa`` or ``dns``."""
        if not provisioner.checks_caa or attempt.identifier.type != "dns":
            return
        for proof in await self._storage.proofs(attempt.order_id):
            if proof.position == attempt.position:
                await self._check(proof, provisioner)

    async def check_order(self, claim: Claim, provisioner: ACMEProvisioner) -> None:
        """Check each name of an order by its own records, whenever it was checked before.

        Raises ``caa`` with a subproblem for each name that may not be issued; else CAAUnavailableError
        when name servers fail.
        """
        if not provisioner.checks_caa:
            return
        proofs = [
            p for p in await self._storage.proofs(claim.order_id) if p.identifier.type == "dns"
        ]
        slots = asyncio.Semaphore(_CONCURRENT)
        # for all names together: before the claim counts as lost, and another process checks them too
        end = asyncio.get_running_loop().time() + self._seconds

        async def check(proof: IdentifierProof) -> Subproblem | None:
            try:
                async with asyncio.timeout_at(end), slots:
                    await self._check(proof, provisioner)
            except NewelError as error:
                return Subproblem(error.type, error.detail, "dns", _show(proof))
            except TimeoutError:
                detail = f"CAA: the name servers of {proof.identifier.value} do not answer in time"
                return Subproblem(ErrorType.DNS, detail, "dns", _show(proof))
            return None

        checked = await asyncio.gather(*map(check, proofs))
        failed = [each for each in checked if each is not None]
        forbidden = [each for each in failed if each.type is ErrorType.CAA]
        if forbidden:
            raise NewelError(ErrorType.CAA, _summarize(forbidden), subproblems=forbidden)
        if failed:
            raise CAAUnavailableError(ErrorType.UNAVAILABLE, _summarize(failed), subproblems=failed)

    async def _check(self, proof: IdentifierProof, provisioner: ACMEProvisioner) -> None:
        first, *others = self._views.of(provisioner)
        await self._check_by(first.caa, proof, provisioner)
        for each in others:
            try:
                await self._check_by(each.caa, proof, provisioner)
            except NewelError as error:
                raise disagree(error, each) from error

    async def _check_by(
        self, finder: CAAFinder, proof: IdentifierProof, provisioner: ACMEProvisioner
    ) -> None:
        domain = proof.identifier.value
        try:
            found = await finder.find(domain)
        except NewelError as error:
            raise NewelError(
                ErrorType.DNS,
                f"CAA of {domain}: {error.detail}; without an answer nothing is issued",
            ) from error

        def is_account(uri: str) -> bool:
            authority, _, _ = uri.removeprefix(_SCHEME).partition("/")
            own = URLs.of(authority, provisioner.name).account(proof.account)
            return uri == own and self._authorities.allows(authority)

        question = CAAQuestion(
            frozenset(each.lower() for each in provisioner.caa_identities),
            proof.wildcard,
            proof.challenge,
            is_account,
        )
        refusal = find_refusal(found.records, question)
        if refusal:
            raise NewelError(
                ErrorType.CAA,
                f"CAA of {_show(proof)}: the records at {found.owner} do not let"
                f" {' or '.join(provisioner.caa_identities)} issue: {refusal}",
            )


def _show(proof: IdentifierProof) -> str:
    return f"*.{proof.identifier.value}" if proof.wildcard else proof.identifier.value


def _summarize(parts: Sequence[Subproblem]) -> str:
    return parts[0].detail + (f"; and {len(parts) - 1} names more" if len(parts) > 1 else "")
