"""Leases: of any number of workers and replicas, one does each piece of background work.

The database's clock decides, so that the machines' clocks need not agree. A holder that dies loses
its lease when it expires; one that merely stops reaching the database gives up its work before that.
A lease that expires later than one taken now would is void: it was taken by a clock that ran ahead.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from newel.runtime.background import add_jitter
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.entropy import random_hex
from newel.runtime.errors import NewelError
from newel.runtime.outages import Outage

_log = logging.getLogger("newel.runtime.database.lease")

_NOW = {
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
}
_TAKE = {
    dialect: Statement(
        f"INSERT INTO leases (name, holder, until) VALUES ($1, $2, {now} + $3)"  # noqa: S608 - our own text
        f" ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
        f" WHERE leases.holder = excluded.holder OR leases.until < {now}"
        f" OR leases.until > {now} + $3 RETURNING name"
    )
    for dialect, now in _NOW.items()
}
_RELEASE = Statement("DELETE FROM leases WHERE name = $1 AND holder = $2")


class Lease:
    """The right to do what ``name`` stands for, for ``ttl`` whole seconds at a time."""

    def __init__(self, database: Database, name: str, ttl: int = 15) -> None:
        self._database = database
        self._take = _TAKE[database.dialect]
        self._holder = random_hex(8)
        self.outage = Outage(_log, f"lease {name}")
        self.name = name
        self.ttl = ttl

    async def acquire(self) -> bool:
        """Take or prolong the lease; return False when another worker has it."""
        take = Write(self._take, (self.name, self._holder, self.ttl))
        return await self._database.decide(take) is not None

    async def release(self) -> None:
        """Release the lease, if this worker has it."""
        await self._database.apply(Write(_RELEASE, (self.name, self._holder)))


async def run_leased(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work`` whenever this worker has the lease, again when it ends; run until cancelled.

    ``work`` is cancelled when the lease could not be prolonged in time. What it raises ends this
    too, with the lease released, so that the supervisor counts it and another worker may try.
    """
    while True:
        if not await _try_acquire(lease):
            await asyncio.sleep(add_jitter(lease.ttl / 3))
            continue
        try:
            await _work_while_held(lease, work)
        finally:
            await asyncio.shield(_try_release(lease))


async def _work_while_held(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    working = loop.create_task(_run(work), name=f"lease {lease.name}")
    held_until = loop.time() + lease.ttl * 2 / 3
    try:
        while not working.done() and loop.time() < held_until:
            await asyncio.wait([working], timeout=lease.ttl / 3)
            if not working.done() and await _try_acquire(lease):
                held_until = loop.time() + lease.ttl * 2 / 3
        if not working.done():
            _log.warning("lease %s was lost", lease.name)
    finally:
        working.cancel()
        await asyncio.wait([working])
    if not working.cancelled():
        working.result()


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _try_acquire(lease: Lease) -> bool:
    try:
        acquired = await lease.acquire()
    except (
        NewelError
    ) as error:  # the database is unreachable: not having the lease is the safe answer
        lease.outage.note_failure(error)
        return False
    lease.outage.note_recovery()
    return acquired


async def _try_release(lease: Lease) -> None:
    try:
        await lease.release()
    except NewelError as error:
        _log.warning(
            "lease %s could not be given back and lasts until it expires: %s",
            lease.name,
            error.cause,
        )
