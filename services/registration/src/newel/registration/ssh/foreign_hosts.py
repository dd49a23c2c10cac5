"""Hosts with certificates of another program, so that clients find them before their next certificate."""

from collections.abc import Sequence

from newel.registration.ssh.hosts import HostTable
from newel.runtime.database.contract import Database, Statement
from newel.runtime.tally import Tally

_FIND = Statement("SELECT 1 FROM ssh_hosts WHERE name = $1 AND expires_at >= $2")


class ForeignHosts:
    """Takes hosts over. With ``dry_run`` it counts them alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, hosts: Sequence[tuple[str, int]], *, dry_run: bool) -> Tally:
        """Store the names of hosts, each with the end of its certificate in seconds since 1970."""
        new = [
            (name, end)
            for name, end in hosts
            if not await self._database.fetch(_FIND, name.lower(), end)
        ]
        if not dry_run:
            table = HostTable(self._database)
            for name, end in new:
                await table.add_until([name], end)
        return Tally(len(new), len(hosts) - len(new))
