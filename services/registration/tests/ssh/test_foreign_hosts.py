"""Hosts that another program's certificates name are listed until these end."""

import datetime as dt

from newel.registration.app import REVISION
from newel.registration.ssh.foreign_hosts import ForeignHosts
from newel.registration.ssh.hosts import HostTable
from newel.runtime.database.connect import open_database
from newel.runtime.database.migrations import migrate

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


async def test_hosts_are_taken_over_once(database_url: str) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    hosts, table, end = ForeignHosts(database), HostTable(database), int(NOW.timestamp()) + 60
    given = [("DB1.example", end), ("gone.example", end - 61)]
    tried = await hosts.add(given, dry_run=True)
    assert (tried.new, await table.list_names(NOW)) == (2, [])
    first, second = [await hosts.add(given, dry_run=False) for _ in range(2)]
    assert (first.new, first.known, second.new, second.known) == (2, 0, 0, 2)
    assert await table.list_names(NOW) == ["db1.example"]
    await database.close()
