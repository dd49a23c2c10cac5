"""Challenges under validation: each is validated by the one whose claim stands in its row."""

import msgspec

from newel.acme.identifiers import Identifier
from newel.registration.acme import statements as sql
from newel.registration.acme.records import INVALID, VALID, Attempt
from newel.registration.acme.tokens import token
from newel.runtime.database.contract import Database, Row, Write


class Attempts:
    """The validations that were begun and not ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lost(self, before: int, now: int, limit: int) -> list[Attempt]:
        """Those begun before then and still of use at ``now``."""
        rows = await self._database.fetch(sql.LOST_ATTEMPTS, before, now, limit)
        return [_attempt(row) for row in rows]

    async def take_over(self, attempt: Attempt, mine: bytes, now: int) -> Attempt | None:
        """The attempt as mine; None when another was faster."""
        params = (attempt.order_id, attempt.position, mine, now, attempt.claim)
        if await self._database.decide(Write(sql.RETAKE_ATTEMPT, params)) is None:
            return None
        return msgspec.structs.replace(attempt, claim=mine)

    async def end(self, attempt: Attempt, now: int, problem: bytes | None) -> None:
        """Pending → valid, or invalid with a problem document, if the account is what it was.

        Should it be forgotten in a power failure, the challenge is validated again.
        """
        result = (
            attempt.order_id,
            attempt.position,
            attempt.claim,
            INVALID if problem else VALID,
            None if problem else now,
            problem.decode() if problem else None,
            attempt.thumbprint,
        )
        await self._database.apply(Write(sql.END_ATTEMPT, result), durable=False)


def _attempt(row: Row) -> Attempt:
    order, position, kind, value, challenge, seed, thumbprint, claim, provisioner, tries = row
    return Attempt(
        bytes(order),
        position,
        Identifier(kind, value),
        challenge,
        token(bytes(seed), challenge),
        bytes(thumbprint),
        bytes(claim),
        provisioner,
        tries,
    )
