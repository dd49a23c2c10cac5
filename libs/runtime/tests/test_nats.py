"""A real nats-server, killed and restarted, loses no event."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fixtures.databases import create_outbox
from fixtures.processes import Nats
from newel.runtime.clock import ManualClock, SystemClock
from newel.runtime.database.sqlite import SQLiteDatabase
from newel.runtime.events.contract import Event, Subscription
from newel.runtime.events.metrics import EventMetrics
from newel.runtime.events.nats import NATSBus, NATSRelay, common_filter
from newel.runtime.events.nats_connection import NATSConnection, NATSOptions
from newel.runtime.events.outbox import TableOutbox

ISSUED, REVOKED, OTHER = (
    "newel.certificate.issued.v1",
    "newel.certificate.revoked.v1",
    "newel.crl.published.v1",
)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[TableOutbox]:
    database = SQLiteDatabase(tmp_path / "issuing.db")
    await create_outbox(database)
    yield TableOutbox(database)
    await database.close()


@pytest.fixture
async def link(nats_server: Nats) -> AsyncIterator[NATSConnection]:
    made = NATSConnection(NATSOptions((nats_server.url,), "test"))
    yield made
    await made.close()


class Consumer:
    """Keeps what it is given, and fails as often as it is told to."""

    def __init__(self, name: str = "status", subjects: Sequence[str] = (ISSUED, REVOKED)) -> None:
        self.events: list[Event] = []
        self.failures = 0
        self.subscription = Subscription(name, tuple(subjects), self.handle)

    async def handle(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("not now")
        self.events += events

    async def has(self, *payloads: bytes) -> None:
        """Waits until these have come, each at least once, first times in order."""
        async with asyncio.timeout(40):
            while len({event.id for event in self.events}) < len(payloads):
                await asyncio.sleep(0.02)
        first = {event.id: event.payload for event in reversed(self.events)}
        assert sorted(first.values()) == sorted(payloads)


@asynccontextmanager
async def run_tasks(*tasks: Mapping[str, Callable[[], Awaitable[None]]]) -> AsyncGenerator[None]:
    async def run(task: Callable[[], Awaitable[None]]) -> None:
        await task()

    async with asyncio.TaskGroup() as group:
        started = [group.create_task(run(task)) for some in tasks for task in some.values()]
        yield
        for task in started:
            task.cancel()


def metrics() -> EventMetrics:
    return EventMetrics(CollectorRegistry(), SystemClock())


async def emit(outbox: TableOutbox, *payloads: bytes, subject: str = ISSUED) -> None:
    await outbox.database.apply(*(outbox.write(subject, payload) for payload in payloads))
    outbox.wake()


def bus_of(link: NATSConnection, *consumers: Consumer) -> NATSBus:
    bus = NATSBus(link, metrics())
    for consumer in consumers:
        bus.subscribe(consumer.subscription)
    return bus


async def test_events_reach_every_durable_consumer(
    outbox: TableOutbox, link: NATSConnection
) -> None:
    status, crls = Consumer(), Consumer("crls", [OTHER])
    async with run_tasks(
        NATSRelay(outbox, link, metrics()).tasks(), bus_of(link, status, crls).tasks()
    ):
        await emit(outbox, b"1", b"2")
        await emit(outbox, b"3", subject=OTHER)
        await emit(outbox, b"4", subject=REVOKED)
        await status.has(b"1", b"2", b"4")
        await crls.has(b"3")
    assert [event.payload for event in status.events] == [b"1", b"2", b"4"]
    assert all(event.at > 0 for event in status.events)


async def test_what_came_while_the_consumer_was_away_is_delivered(
    outbox: TableOutbox, link: NATSConnection
) -> None:
    async with run_tasks(NATSRelay(outbox, link, metrics()).tasks()):
        before, after = Consumer(), Consumer()
        async with run_tasks(bus_of(link, before).tasks()):
            await emit(outbox, b"1")
            await before.has(b"1")
        await emit(outbox, b"2")
        async with run_tasks(bus_of(link, after).tasks()):
            await after.has(b"2")


async def test_a_consumer_is_complete_when_the_stream_has_nothing_left_for_it(
    outbox: TableOutbox, link: NATSConnection
) -> None:
    consumer = Consumer("slow")
    consumer.failures = 1_000_000
    bus = bus_of(link, consumer)
    assert await bus.complete_to("slow") is None  # it was never there
    async with run_tasks(NATSRelay(outbox, link, metrics()).tasks(), bus.tasks()):
        await emit(outbox, b"1")
        async with asyncio.timeout(40):
            while consumer.failures == 1_000_000:
                await asyncio.sleep(0.02)
        assert await bus.complete_to("slow") is None
        consumer.failures = 0
        await consumer.has(b"1")
        async with asyncio.timeout(40):
            while await bus.complete_to("slow") is None:
                await asyncio.sleep(0.02)


async def test_an_event_comes_when_it_is_written_whenever_that_is(
    outbox: TableOutbox, link: NATSConnection
) -> None:
    """Not only when a batch is full or a request's five seconds are over."""
    consumer = Consumer()
    async with run_tasks(
        NATSRelay(outbox, link, metrics()).tasks(), bus_of(link, consumer).tasks()
    ):
        for number in range(12):
            await asyncio.sleep(0.25 + 0.11 * (number % 5))
            payload = b"%d" % number
            await emit(outbox, payload)
            async with asyncio.timeout(3):
                while payload not in {event.payload for event in consumer.events}:
                    await asyncio.sleep(0.01)


async def test_a_batch_that_failed_comes_again(outbox: TableOutbox, link: NATSConnection) -> None:
    consumer = Consumer()
    consumer.failures = 2
    async with run_tasks(
        NATSRelay(outbox, link, metrics()).tasks(), bus_of(link, consumer).tasks()
    ):
        await emit(outbox, b"1", b"2")
        await consumer.has(b"1", b"2")


async def test_a_service_starts_while_nats_is_away(
    outbox: TableOutbox, link: NATSConnection, nats_server: Nats
) -> None:
    nats_server.kill()
    consumer = Consumer()
    async with run_tasks(
        NATSRelay(outbox, link, metrics()).tasks(), bus_of(link, consumer).tasks()
    ):
        await emit(outbox, b"1")
        await asyncio.sleep(0.5)
        await asyncio.to_thread(nats_server.start)
        await consumer.has(b"1")


async def test_nothing_is_lost_while_nats_is_killed_and_restarted(
    outbox: TableOutbox, link: NATSConnection, nats_server: Nats
) -> None:
    consumer = Consumer()
    payloads: list[bytes] = []

    async def emit_more(count: int) -> None:
        for _ in range(count):
            payloads.append(f"{len(payloads):04}".encode())
            await emit(outbox, payloads[-1])
            await asyncio.sleep(0.002)

    async with run_tasks(
        NATSRelay(outbox, link, metrics()).tasks(), bus_of(link, consumer).tasks()
    ):
        await emit_more(100)
        nats_server.kill()
        await emit_more(500)
        await asyncio.to_thread(nats_server.start)
        await emit_more(100)
        await consumer.has(*payloads)


async def test_nothing_is_lost_when_nats_comes_back_empty(
    outbox: TableOutbox, link: NATSConnection, nats_server: Nats, tmp_path: Path
) -> None:
    """Its disk is gone: what the stream had not passed on is lost with it, but nothing after."""
    consumer = Consumer()
    async with run_tasks(
        NATSRelay(outbox, link, metrics()).tasks(), bus_of(link, consumer).tasks()
    ):
        await emit(outbox, b"1")
        await consumer.has(b"1")
        nats_server.kill()
        nats_server.forget()
        await emit(outbox, b"2", b"3")
        await asyncio.to_thread(nats_server.start)
        await consumer.has(b"1", b"2", b"3")


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        ([ISSUED], "newel.certificate.>"),
        ([ISSUED, REVOKED], "newel.certificate.>"),
        ([ISSUED, OTHER], "newel.>"),
    ],
)
def test_the_narrowest_filter(subjects: list[str], expected: str) -> None:
    assert common_filter(subjects) == expected


async def test_a_stored_message_that_calls_itself_a_status_is_passed_over(
    outbox: TableOutbox, link: NATSConnection
) -> None:
    """A client that may ask JetStream can have its status messages stored in the stream, by a reply subject."""
    registry = CollectorRegistry()
    counted = EventMetrics(registry, SystemClock())
    bus, relay = NATSBus(link, counted), NATSRelay(outbox, link, counted)
    consumer = Consumer()
    bus.subscribe(consumer.subscription)
    jetstream = await link.jetstream()
    for status in ("404", "408", "409", "100"):
        subject = "newel.certificate.batch.v1"
        await jetstream.publish(subject, b"", headers={"Status": status})
    async with run_tasks(bus.tasks(), relay.tasks()):
        for number in range(3):
            await outbox.database.apply(outbox.write(ISSUED, b"%d" % number))
            outbox.wake()
            await consumer.has(*(b"%d" % done for done in range(number + 1)))
        info = await jetstream.consumer_info("NEWEL", "status")
        assert info.num_ack_pending == 0
    assert registry.get_sample_value("newel_events_passed_over_total", {"consumer": "status"}) == 4


async def test_what_waits_is_shown_while_nats_is_away_and_not_after(
    outbox: TableOutbox, nats_server: Nats, link: NATSConnection
) -> None:
    registry = CollectorRegistry()
    clock = ManualClock(SystemClock().now())
    counted = EventMetrics(registry, clock)
    relay = NATSRelay(TableOutbox(outbox.database, clock), link, counted)

    async def read_metric() -> tuple[float | None, float | None]:
        await counted.measure({"nats": [outbox.database]})
        names = "newel_outbox_waiting_events", "newel_outbox_oldest_seconds"
        waiting, oldest = (registry.get_sample_value(name, {"consumer": "nats"}) for name in names)
        return waiting, oldest

    await link.jetstream()
    nats_server.kill()
    async with run_tasks(relay.tasks()):
        for _ in range(3):
            await outbox.database.apply(TableOutbox(outbox.database, clock).write(ISSUED, b"x"))
        clock.advance(dt.timedelta(seconds=90))
        waiting, oldest = await read_metric()
        assert (waiting, oldest and int(oldest)) == (3, 90)
        nats_server.start()
        async with asyncio.timeout(40):
            while await read_metric() != (0, 0):
                await asyncio.sleep(0.05)
