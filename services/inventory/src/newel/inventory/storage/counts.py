"""Counting by the index on the end of life, a bounded piece at a time."""

from newel.inventory.counting import Interval
from newel.runtime.database.contract import Database, Statement

_PIECE = 20_000

_CERTIFICATES_EDGE = Statement("""
    SELECT not_after FROM certificates WHERE not_after > $1 AND not_after <= $2
    ORDER BY not_after LIMIT 1 OFFSET $3""")
_CERTIFICATES = Statement("""
    SELECT count(*), count(revoked_at) FROM certificates
    WHERE not_after > $1 AND not_after <= $2""")
_ENDPOINTS_EDGE = Statement("""
    SELECT last_not_after FROM endpoints WHERE last_not_after > $1 AND last_not_after <= $2
    ORDER BY last_not_after LIMIT 1 OFFSET $3""")
_ENDPOINTS = Statement("""
    SELECT count(*), 0 FROM endpoints WHERE last_not_after > $1 AND last_not_after <= $2""")
_EXPIRING = Statement("""
    SELECT count(*) FROM endpoints WHERE warned IS NOT NULL AND last_not_after >= $1""")
_SOONEST = Statement("""
    SELECT not_after FROM certificates WHERE not_after >= $1 AND revoked_at IS NULL
    ORDER BY not_after LIMIT 1""")


class CountStorage:
    """The tables of ``migrations``, counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def certificates(self, after: int, until: int) -> Interval:
        """Count those that expire after ``after`` and no later than ``until``, or a first part of them."""
        return await self._count(_CERTIFICATES_EDGE, _CERTIFICATES, after, until)

    async def endpoints(self, after: int, until: int) -> Interval:
        """Count endpoints in the same way, by the expiry of their last certificate."""
        return await self._count(_ENDPOINTS_EDGE, _ENDPOINTS, after, until)

    async def count_expiring(self, now: int) -> int:
        """Count the endpoints that were reported as expiring and have not ended."""
        ((count,),) = await self._database.fetch(_EXPIRING, now)
        return count

    async def soonest(self, now: int) -> int:
        """Return when the first active certificate expires; 0 without one."""
        rows = await self._database.fetch(_SOONEST, now)
        return rows[0][0] if rows else 0

    async def _count(self, edge: Statement, count: Statement, after: int, until: int) -> Interval:
        edges = await self._database.fetch(edge, after, until, _PIECE)
        end = edges[0][0] if edges else until
        ((total, revoked),) = await self._database.fetch(count, after, end)
        return Interval(end if edges else None, total - revoked, revoked)
