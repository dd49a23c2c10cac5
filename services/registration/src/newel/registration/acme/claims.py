"""Orders under finalization: each is carried through by the one whose claim stands in its row."""

import msgspec

from newel.acme.identifiers import Identifier
from newel.registration.acme import statements as sql
from newel.registration.acme.records import Claim
from newel.registration.acme.storage import from_seconds
from newel.runtime.database.contract import Database, Row, Write

_identifiers = msgspec.json.Decoder(tuple[Identifier, ...])


class Claims:
    """The finalizations that were begun and not ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lost(self, before: int, now: int, limit: int) -> list[Claim]:
        """Those begun before then, of orders that have not expired at ``now``."""
        return [_claim(r) for r in await self._database.fetch(sql.LOST_CLAIMS, before, now, limit)]

    async def lost_of(self, order: bytes, before: int, now: int) -> Claim | None:
        """The same of one order."""
        rows = await self._database.fetch(sql.LOST_CLAIM, before, now, order)
        return _claim(rows[0]) if rows else None

    async def take_over(self, claim: Claim, mine: bytes, now: int) -> Claim | None:
        """The claim as mine; None when another was faster."""
        gate = Write(sql.TAKE_OVER, (claim.order_id, mine, now, claim.claim))
        if await self._database.decide(gate) is None:
            return None
        return msgspec.structs.replace(claim, claim=mine, tries=claim.tries + 1)

    async def put_off(self, claim: Claim, claimed_at: int) -> None:
        """Makes the claim as old as if it had been made then: it is lost the sooner, or the later."""
        await self._database.apply(
            Write(sql.PUT_OFF, (claim.order_id, claim.claim, claimed_at)), durable=False
        )

    async def complete(self, claim: Claim, certificate: bytes, issuer: str) -> None:
        """Processing → valid. Whose claim it is does not matter: there is but one certificate.

        Should it be forgotten in a power failure, the order is carried through again.
        """
        done = (claim.order_id, certificate, issuer)
        await self._database.apply(Write(sql.COMPLETE_ORDER, done), durable=False)

    async def reopen(self, claim: Claim) -> None:
        """Processing → pending, that is ready: another CSR may come."""
        await self._database.apply(Write(sql.REOPEN_ORDER, (claim.order_id, claim.claim)))

    async def fail(self, claim: Claim, problem: bytes) -> None:
        """Processing → invalid, with a problem document."""
        told = (claim.order_id, claim.claim, problem.decode())
        await self._database.apply(Write(sql.FAIL_ORDER, told))


def _claim(row: Row) -> Claim:
    order, account, provisioner, names, not_before, not_after, csr, claim, tries = row
    return Claim(
        bytes(order),
        bytes(account),
        provisioner,
        _identifiers.decode(names),
        from_seconds(not_before),
        from_seconds(not_after),
        bytes(csr),
        bytes(claim),
        tries,
    )
