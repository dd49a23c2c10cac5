"""Counts for the overview, by the indexes on the ends and the times of issuance."""

from newel.inventory.overview import EndpointCounts, StateCounts
from newel.runtime.database.contract import Database, Statement

_STATES = Statement("""
    SELECT count(*), count(revoked_at),
        sum(CASE WHEN revoked_at IS NULL AND not_after >= $1 THEN 1 ELSE 0 END)
    FROM certificates""")
_ENDPOINT_STATES = Statement("""
    SELECT count(*), sum(CASE WHEN last_not_after >= $1 THEN 1 ELSE 0 END),
        sum(CASE WHEN last_not_after >= $1 AND warned IS NOT NULL THEN 1 ELSE 0 END)
    FROM endpoints""")
_EXPIRING = Statement("""
    SELECT (not_after - $1) / $3, count(*) FROM certificates
    WHERE not_after >= $1 AND not_after < $2 AND revoked_at IS NULL GROUP BY 1""")
_ISSUED = Statement("""
    SELECT (issued_at - $1) / $3, count(*) FROM certificates
    WHERE issued_at >= $1 AND issued_at < $2 GROUP BY 1""")


class OverviewStorage:
    """The tables of ``migrations``, counted for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_states(self, now: int) -> StateCounts:
        """Count certificates by their state at ``now``."""
        ((every, revoked, active),) = await self._database.fetch(_STATES, now)
        return StateCounts(active or 0, every - revoked - (active or 0), revoked)

    async def count_endpoint_states(self, now: int) -> EndpointCounts:
        """Count endpoints by their state at ``now``."""
        ((every, living, expiring),) = await self._database.fetch(_ENDPOINT_STATES, now)
        return EndpointCounts((living or 0) - (expiring or 0), expiring or 0, every - (living or 0))

    async def count_expiring(self, start: int, width: int, count: int) -> dict[int, int]:
        """Count unrevoked certificates by the number of the interval in which they expire."""
        return await self._by_interval(_EXPIRING, start, width, count)

    async def count_issued(self, start: int, width: int, count: int) -> dict[int, int]:
        """Count certificates by the number of the interval in which they were issued."""
        return await self._by_interval(_ISSUED, start, width, count)

    async def _by_interval(
        self, statement: Statement, start: int, width: int, count: int
    ) -> dict[int, int]:
        rows = await self._database.fetch(statement, start, start + width * count, width)
        return {int(number): found for number, found in rows}
