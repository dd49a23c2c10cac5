"""All SQL of the dashboard: links and sessions have tables of one shape."""

from typing import Literal

from newel.dashboard.sessions import Entry
from newel.runtime.database.contract import Database, Statement, Write


class SecretTable:
    """One of the two tables."""

    def __init__(self, database: Database, table: Literal["links", "sessions"]) -> None:
        self._database = database
        self._add = Statement(
            f"INSERT INTO {table} (digest, certificate, subject, sealed, expires_at)"  # noqa: S608 - of two names
            " VALUES ($1, $2, $3, $4, $5)"
        )
        self._sweep = Statement(f"DELETE FROM {table} WHERE expires_at <= $1")  # noqa: S608 - of two names
        self._find = Statement(
            f"SELECT certificate, subject, sealed, expires_at FROM {table}"  # noqa: S608 - of two names
            " WHERE digest = $1 AND expires_at > $2"
        )
        self._take = Statement(
            f"DELETE FROM {table} WHERE digest = $1 AND expires_at > $2"  # noqa: S608 - of two names
            " RETURNING digest, certificate, subject, sealed"
        )

    async def add(self, digest: bytes, entry: Entry, expires_at: int, now: int) -> None:
        """Store one, and remove those that have expired."""
        params = (digest, *entry, expires_at)
        await self._database.apply(Write(self._sweep, (now,)), Write(self._add, params))

    async def find(self, digest: bytes, now: int) -> tuple[Entry, int] | None:
        """Return the entry and when it expires; None for an unknown or expired one."""
        rows = await self._database.fetch(self._find, digest, now)
        return (Entry(*rows[0][:3]), rows[0][3]) if rows else None

    async def take(self, digest: bytes, now: int) -> Entry | None:
        """Remove one and return it; of many that take one, one gets it."""
        row = await self._database.decide(Write(self._take, (digest, now)))
        return Entry(*row[1:4]) if row else None


_END = (Statement("DELETE FROM links"), Statement("DELETE FROM sessions"))


async def end_all(database: Database) -> None:
    """End every link and session: those of a backup may have been ended since. Raises NewelError."""
    await database.apply(*[Write(each, ()) for each in _END])
