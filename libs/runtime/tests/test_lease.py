"""Background work holds a lease row, so that any number of workers runs it once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from newel.runtime.background import Supervisor, repeat_every
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.lease import Lease, run_leased

STEAL = Statement("UPDATE leases SET holder = 'another' WHERE name = $1")
AHEAD = Statement("UPDATE leases SET until = until + 86400 WHERE name = $1")
EXPIRE = Statement("UPDATE leases SET until = 0 WHERE name = $1")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    open_again = await open_database(database_url)
    await open_again.apply(
        Write(
            Statement(
                "CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until BIGINT)"
            ),
            (),
        )
    )
    yield open_again
    await open_again.close()


async def test_one_of_many_gets_it(database: Database) -> None:
    leases = [Lease(database, "crl") for _ in range(10)]
    assert sum(await asyncio.gather(*(lease.acquire() for lease in leases))) == 1


async def test_it_is_prolonged_by_its_holder_alone(database: Database) -> None:
    first, second = Lease(database, "crl"), Lease(database, "crl")
    assert await first.acquire()
    assert await first.acquire()
    assert not await second.acquire()
    assert await Lease(database, "another").acquire()


async def test_it_is_taken_over_when_let_go_or_expired(database: Database) -> None:
    first, second, third = (Lease(database, "crl") for _ in range(3))
    await first.acquire()
    await second.release()
    assert not await second.acquire()
    await first.release()
    assert await second.acquire()
    await database.apply(Write(EXPIRE, ("crl",)))
    assert await third.acquire()
    assert not await second.acquire()


async def test_one_taken_while_the_clock_ran_ahead_is_void(database: Database) -> None:
    dead, next_one = Lease(database, "crl"), Lease(database, "crl")
    await dead.acquire()
    await database.apply(Write(AHEAD, ("crl",)))
    assert await next_one.acquire()
    assert not await dead.acquire()


async def test_one_worker_at_a_time_and_another_when_it_ends(database: Database) -> None:
    at_work: list[str] = []
    seen: list[list[str]] = []

    def worker(name: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            at_work.append(name)
            seen.append(list(at_work))
            try:
                await asyncio.sleep(60)
            finally:
                at_work.remove(name)

        return work

    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        workers = {
            name: group.create_task(run_leased(Lease(database, "crl", ttl=1), worker(name)))
            for name in "ab"
        }
        while not seen:
            await asyncio.sleep(0.02)
        first = seen[0][0]
        workers[first].cancel()
        while len(seen) < 2:
            await asyncio.sleep(0.02)
        second = seen[1][0]
        workers[second].cancel()
    assert {first, second} == {"a", "b"}
    assert all(len(together) == 1 for together in seen)


async def test_work_ends_when_the_lease_is_lost(database: Database) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with asyncio.TaskGroup() as group:
        worker = group.create_task(run_leased(Lease(database, "crl", ttl=1), work))
        await started.wait()
        await database.apply(Write(STEAL, ("crl",)))
        await asyncio.wait_for(ended.wait(), 10)
        worker.cancel()


async def test_what_work_raises_is_seen_and_the_lease_let_go(database: Database) -> None:
    async def work() -> None:
        raise LookupError("no CRL")

    with pytest.raises(LookupError):
        await run_leased(Lease(database, "crl"), work)
    assert await Lease(database, "crl").acquire()


async def test_work_that_failed_once_is_not_late_while_another_process_has_its_lease(
    database: Database,
) -> None:
    stolen = asyncio.Event()

    async def work() -> None:
        await database.apply(Write(STEAL, ("crl",)))
        stolen.set()
        raise LookupError("no CRL")

    supervisor = Supervisor(CollectorRegistry(), grace=0.0)
    leased = partial(run_leased, Lease(database, "crl"), repeat_every(0.01, work))
    supervisor.start({"crl": leased}, "x")
    async with asyncio.timeout(10):
        await stolen.wait()
        while set(supervisor.find_stalled()) != {"x.crl"}:
            await asyncio.sleep(0.01)
        while supervisor.find_stalled():
            await asyncio.sleep(0.01)
    await supervisor.stop()


def test_every_schema_may_ask_for_the_tables_it_needs() -> None:
    from newel.runtime.database.tables import lease_table, outbox_table

    metadata = sa.MetaData()
    assert lease_table(metadata) is lease_table(metadata)
    outbox_table(metadata)
    assert set(metadata.tables) == {"leases", "outbox", "outbox_cursors"}
