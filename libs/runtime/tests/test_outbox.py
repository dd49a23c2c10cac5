"""Events reach every consumer at least once, in order, whatever stops in between."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from fixtures.databases import Open, create_outbox
from newel.runtime.clock import ManualClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.events.contract import Event, Subscription
from newel.runtime.events.metrics import EventMetrics
from newel.runtime.events.outbox import KEPT, LocalBus, TableOutbox
from newel.runtime.events.outbox_reader import sweep

ISSUED, REVOKED = "newel.certificate.issued.v1", "newel.certificate.revoked.v1"
COUNT = Statement("SELECT count(*) FROM outbox")


@pytest.fixture
async def database(open_again: Open) -> Database:
    made = await open_again()
    await create_outbox(made)
    return made


class Consumer:
    """Keeps what it is given, and fails as often as it is told to."""

    def __init__(self, name: str = "status", subjects: Sequence[str] = (ISSUED, REVOKED)) -> None:
        self.batches: list[list[Event]] = []
        self.failures = 0
        self.subscription = Subscription(name, tuple(subjects), self.handle)

    async def handle(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("not now")
        self.batches.append(list(events))

    @property
    def payloads(self) -> list[bytes]:
        return [event.payload for batch in self.batches for event in batch]

    async def has(self, *payloads: bytes) -> None:
        """Waits until exactly these payloads have come."""
        async with asyncio.timeout(10):
            while len(self.payloads) < len(payloads):
                await asyncio.sleep(0.01)
        assert self.payloads == list(payloads)


@asynccontextmanager
async def run_tasks(bus: LocalBus) -> AsyncGenerator[None]:
    async def run(task: Callable[[], Awaitable[None]]) -> None:
        await task()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(task)) for task in bus.tasks().values()]
        yield
        for task in tasks:
            task.cancel()


async def emit(outbox: TableOutbox, *payloads: bytes, subject: str = ISSUED) -> None:
    await outbox.database.apply(*(outbox.write(subject, payload) for payload in payloads))
    outbox.wake()


def bus_of(outbox: TableOutbox, *consumers: Consumer, shared: bool = False) -> LocalBus:
    bus = LocalBus(shared=shared)
    bus.attach(outbox)
    for consumer in consumers:
        bus.subscribe(consumer.subscription)
    return bus


async def test_every_consumer_gets_its_subjects_in_order(database: Database) -> None:
    outbox = TableOutbox(database)
    status, revocations = Consumer(), Consumer("revocations", [REVOKED])
    async with run_tasks(bus_of(outbox, status, revocations)):
        await emit(outbox, b"1", b"2")
        await emit(outbox, b"3", subject=REVOKED)
        await emit(outbox, b"4")
        await status.has(b"1", b"2", b"3", b"4")
        await revocations.has(b"3")
    events = [event for batch in status.batches for event in batch]
    assert len({event.id for event in events}) == 4
    assert events[2].subject == REVOKED


async def test_what_came_while_away_is_delivered_first(database: Database) -> None:
    outbox = TableOutbox(database)
    await emit(outbox, b"1")
    consumer = Consumer()
    async with run_tasks(bus_of(outbox, consumer)):
        await consumer.has(b"1")
    await emit(outbox, b"2", b"3")
    later = Consumer()
    async with run_tasks(bus_of(outbox, later)):
        await emit(outbox, b"4")
        await later.has(b"2", b"3", b"4")


async def test_a_consumer_is_behind_from_the_oldest_event_that_it_has_not_handled(
    database: Database,
) -> None:
    clock = ManualClock(dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC))
    outbox, consumer = TableOutbox(database, clock), Consumer()
    bus = bus_of(outbox, consumer)
    assert await bus.complete_to("another") is None
    assert await bus.complete_to("status") == clock.unix()
    await emit(outbox, b"1")
    written = clock.unix()
    clock.advance(dt.timedelta(hours=1))
    await emit(outbox, b"2")
    assert await bus.complete_to("status") == written
    async with run_tasks(bus):
        await consumer.has(b"1", b"2")
        async with asyncio.timeout(60):
            while await bus.complete_to("status") != clock.unix():
                await asyncio.sleep(0.01)


async def test_a_batch_that_failed_comes_again_before_any_other(database: Database) -> None:
    outbox = TableOutbox(database)
    consumer, other = Consumer(), Consumer("other")
    consumer.failures = 2
    async with run_tasks(bus_of(outbox, consumer, other)):
        await emit(outbox, b"1")
        await other.has(b"1")
        await emit(outbox, b"2")
        await consumer.has(b"1", b"2")


async def test_what_another_process_commits_is_seen_unasked(
    open_again: Open, database: Database
) -> None:
    consumer = Consumer()
    elsewhere = TableOutbox(await open_again())
    async with run_tasks(bus_of(TableOutbox(database), consumer)):
        await emit(elsewhere, b"1")
        await consumer.has(b"1")


async def test_a_change_that_did_not_happen_is_not_reported(database: Database) -> None:
    outbox = TableOutbox(database)
    consumer = Consumer()
    broken = Write(Statement("INSERT INTO leases VALUES ($1, $2, $3)"), ("n", None, 1))
    with pytest.raises(Exception, match=r"(?i)null"):
        await database.apply(outbox.write(ISSUED, b"never"), broken)
    async with run_tasks(bus_of(outbox, consumer)):
        await emit(outbox, b"1")
        await consumer.has(b"1")


async def test_of_processes_that_share_a_subscription_one_delivers(
    open_again: Open, database: Database
) -> None:
    first, second = Consumer(), Consumer()
    outbox = TableOutbox(database)
    other = TableOutbox(await open_again())
    async with run_tasks(bus_of(outbox, first, shared=True)):
        await emit(outbox, b"1")
        await first.has(b"1")
        async with run_tasks(bus_of(other, second, shared=True)):
            await emit(other, b"2")
            await first.has(b"1", b"2")
    assert second.payloads == []


async def test_events_follow_commits_not_ids(fresh_postgres_url: str) -> None:
    """A transaction that drew its ids first may commit last: its events must not be passed by."""
    database = await open_database(fresh_postgres_url)
    await create_outbox(database)
    outbox, consumer = TableOutbox(database), Consumer()
    slow = await asyncpg.connect(fresh_postgres_url)
    transaction = slow.transaction()
    await transaction.start()
    write = outbox.write(ISSUED, b"slow")
    await slow.execute(write.statement.text, *write.params)
    async with run_tasks(bus_of(outbox, consumer)):
        await emit(outbox, b"quick")
        await asyncio.sleep(0.5)
        assert consumer.payloads == []
        await transaction.commit()
        await consumer.has(b"slow", b"quick")
    await slow.close()
    await database.close()


async def test_old_events_are_swept_when_everybody_had_them(database: Database) -> None:
    clock = ManualClock(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    outbox = TableOutbox(database, clock)
    consumer = Consumer()
    for number in range(3):
        await emit(outbox, *(f"{number} {item}".encode() for item in range(300)))
    clock.advance(dt.timedelta(seconds=KEPT + 1))
    await sweep(database, ["status"], clock, KEPT)
    assert await database.fetch(COUNT) == [(900,)]
    async with run_tasks(bus_of(outbox, consumer)):
        async with asyncio.timeout(10):
            while len(consumer.payloads) < 900:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    await sweep(database, ["status"], clock, KEPT)
    assert await database.fetch(COUNT) == [(1,)]
    later = Consumer()
    async with run_tasks(bus_of(outbox, later)):
        await emit(outbox, b"new")
        await later.has(b"new")
    await sweep(database, ["status"], clock, KEPT)
    assert await database.fetch(COUNT) == [(1,)]


async def test_fresh_events_stay(database: Database) -> None:
    clock = ManualClock(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    outbox = TableOutbox(database, clock)
    await emit(outbox, b"1", b"2")
    await sweep(database, [], clock, KEPT)
    assert await database.fetch(COUNT) == [(2,)]


async def test_deliveries_and_failures_are_counted(database: Database) -> None:
    registry = CollectorRegistry()
    outbox, consumer = TableOutbox(database), Consumer()
    consumer.failures = 1
    bus = LocalBus(metrics=EventMetrics(registry, outbox.clock))
    bus.attach(outbox, ISSUED)
    bus.subscribe(consumer.subscription)
    async with run_tasks(bus):
        await emit(outbox, b"1", b"2")
        await consumer.has(b"1", b"2")
    labels = {"consumer": "status"}
    assert registry.get_sample_value("newel_events_delivered_total", labels) == 2
    assert registry.get_sample_value("newel_event_delivery_failures_total", labels) == 1
    assert registry.get_sample_value("newel_event_delay_seconds", labels) is not None
