"""The last revocation list of each scope."""

from newel.alerting.crls import CRLTimes
from newel.runtime.database.contract import Database, Statement, Write

_COLUMNS = "scope, this_update, due_at, next_update"
_FIND = Statement(f"SELECT {_COLUMNS} FROM crls WHERE scope = $1")  # noqa: S608 - a constant
_ALL = Statement(f"SELECT {_COLUMNS} FROM crls ORDER BY scope")  # noqa: S608 - a constant
_KEEP = Statement("""
    INSERT INTO crls (scope, this_update, due_at, next_update) VALUES ($1, $2, $3, $4)
    ON CONFLICT (scope) DO UPDATE SET this_update = excluded.this_update,
        due_at = excluded.due_at, next_update = excluded.next_update
    WHERE crls.this_update < excluded.this_update""")

_FORGET = Statement("DELETE FROM crls WHERE next_update < $1")
_END_ALERTS = Statement("""
    UPDATE notices SET resolved_at = $2 WHERE resolved_at IS NULL AND endpoint IN (
        SELECT 'crl-' || scope FROM crls WHERE next_update < $1)""")


class CRLStorage:
    """The table of lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, scope: str) -> CRLTimes | None:
        """Read the last list of a scope; None before the first."""
        rows = await self._database.fetch(_FIND, scope)
        return CRLTimes(*rows[0]) if rows else None

    async def read_all(self) -> list[CRLTimes]:
        """Read the last lists of all scopes."""
        return [CRLTimes(*row) for row in await self._database.fetch(_ALL)]

    async def forget(self, before: int, now: int) -> None:
        """Remove lists that ended before then: their scopes are out of use. End their alerts."""
        await self._database.apply(Write(_END_ALERTS, (before, now)), Write(_FORGET, (before,)))

    async def keep(self, crl: CRLTimes) -> None:
        """Store a list, unless a later one of its scope is stored."""
        await self._database.apply(Write(_KEEP, crl))
