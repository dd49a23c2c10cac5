"""The hosts that have certificates: the names by which ``step ssh hosts`` lists them."""

import datetime as dt
from collections.abc import Sequence

from newel.runtime.database.contract import Database, Statement, Write

_MAX_LISTED = 100_000

_PUT = Statement(
    "INSERT INTO ssh_hosts (name, expires_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET"
    " expires_at = CASE WHEN excluded.expires_at > ssh_hosts.expires_at THEN excluded.expires_at"
    " ELSE ssh_hosts.expires_at END"
)
_LIST = Statement("SELECT name FROM ssh_hosts WHERE expires_at > $1 ORDER BY name LIMIT $2")
_FIND = Statement("SELECT 1 FROM ssh_hosts WHERE name = $1 AND expires_at > $2")


class HostTable:
    """The names of hosts, each until its last certificate expires."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, names: Sequence[str], expires_at: dt.datetime) -> None:
        """Record the names of a new certificate."""
        await self.add_until(names, int(expires_at.timestamp()))

    async def add_until(self, names: Sequence[str], end: int) -> None:
        """Record names whose certificate ends so many seconds after 1970; a later end stays."""
        await self._database.apply(
            *[Write(_PUT, (name.lower(), end)) for name in sorted(set(names))]
        )

    async def list_names(self, now: dt.datetime) -> list[str]:
        """Return the names of hosts with a certificate that is valid, in order."""
        rows = await self._database.fetch(_LIST, int(now.timestamp()), _MAX_LISTED)
        return [row[0] for row in rows]

    async def exists(self, name: str, now: dt.datetime) -> bool:
        """Tell whether a host has a certificate that is valid."""
        return bool(await self._database.fetch(_FIND, name.lower(), int(now.timestamp())))
