"""The test whether a database takes writes: the only proof is a write that succeeds."""

import itertools

from newel.runtime.database.contract import Database, Statement, Write

_TRIAL = Statement(
    "INSERT INTO leases (name, holder, until) VALUES ($1, '', $2)"
    " ON CONFLICT (name) DO UPDATE SET until = excluded.until"
)
_numbers = itertools.count(1)


async def probe_database(database: Database) -> None:
    """Write one row, a new value each time. Raises NewelError ``unavailable`` when that fails.

    Every service's database has the table of leases, and no lease has this name.
    """
    await database.apply(Write(_TRIAL, ("readiness", next(_numbers))), durable=False)
