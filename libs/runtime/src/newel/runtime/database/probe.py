"""Whether a database takes writes: the only proof is one that it took."""

import itertools

from newel.runtime.database.contract import Database, Statement, Write

_TRIAL = Statement(
    "INSERT INTO leases (name, holder, until) VALUES ($1, '', $2)"
    " ON CONFLICT (name) DO UPDATE SET until = excluded.until"
)
_numbers = itertools.count(1)


async def probe_database(database: Database) -> None:
    """Writes one row, another value each time. Raises NewelError ``unavailable`` when it cannot.

    Every service's database has the table of leases, and no lease is called so.
    """
    await database.apply(Write(_TRIAL, ("readiness", next(_numbers))), durable=False)
