"""Refusals are counted, and told once when they are many more than in the weeks before."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from fixtures.authority import CertificateAuthority
from fixtures.registration import EPOCH, RegistrationHarness, open_registration, request_for
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.registration.metrics import Metrics
from newel.registration.refusal_storage import RefusalStorage
from newel.registration.refusals import RefusalCounts, RefusalWatch
from newel.runtime.background import Supervisor
from newel.runtime.clock import ManualClock
from newel.runtime.database.contract import Statement
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.events.outbox import TableOutbox

HOUR = dt.timedelta(hours=1)


class Watch:
    """One process of the registration authority, on the database of another."""

    def __init__(self, harness: RegistrationHarness, clock: ManualClock, fewest: int = 20) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.database, self.clock = harness.database, clock
        self.watch = RefusalWatch(
            self.metrics.refusals, RefusalStorage(self.database),
            TableOutbox(self.database, clock), fewest, clock, harness.audit,
        )  # fmt: skip # the parts

    async def refuse(
        self, times: int, provisioner: str = "admin", *, compromised_key: bool = False
    ) -> None:
        error = NewelError(ErrorType.UNAUTHORIZED, "", compromised_key=compromised_key)
        for _ in range(times):
            self.metrics.count("sign", provisioner, error)
        await self.watch.store()
        await self.watch.judge()

    async def events(self) -> list[tuple[str, str, int]]:
        rows = await self.database.fetch(
            Statement("SELECT subject, payload FROM outbox ORDER BY id")
        )
        told: list[tuple[str, str, int]] = []
        for subject, payload in rows:
            event = events_pb2.RefusalsRaised.FromString(payload)
            told.append((subject, event.id.rpartition("-")[0], event.count))
        return told


@pytest.fixture
async def harness(
    database_url: str, authority: CertificateAuthority
) -> AsyncIterator[RegistrationHarness]:
    opened = await open_registration(database_url, authority, with_outbox=True)
    yield opened
    await opened.database.close()


async def test_a_flood_of_refusals_is_one_event_and_its_end_another(
    harness: RegistrationHarness,
) -> None:
    own = Watch(harness, ManualClock(EPOCH))
    await own.refuse(19)
    assert await own.events() == []
    for _ in range(20):
        await own.refuse(50)
    ((subject, name, count),) = await own.events()
    assert (subject, name.split("-")[0], count) == (subjects.REFUSALS_RAISED, "refusals", 69)
    own.clock.advance(HOUR)
    await own.refuse(1)
    assert len(await own.events()) == 1
    own.clock.advance(HOUR)
    await own.refuse(1)
    assert [each[0] for each in await own.events()][1:] == [subjects.REFUSALS_CALMED]


async def test_what_was_usual_in_the_weeks_before_is_no_spike(
    harness: RegistrationHarness,
) -> None:
    own = Watch(harness, ManualClock(EPOCH), fewest=1000)
    await own.refuse(100)
    own.clock.advance(48 * HOUR)
    usual = Watch(harness, own.clock, fewest=20)
    await usual.refuse(299)
    assert await usual.events() == []
    await usual.refuse(1, provisioner="other")
    await usual.refuse(1)
    ((_, _, count),) = await usual.events()
    assert count == 300
    own.clock.advance(29 * 24 * HOUR)
    await own.refuse(0)
    assert await own.database.fetch(Statement("SELECT count(*) FROM refusals")) == [(0,)]


async def test_many_processes_count_together_and_tell_once(harness: RegistrationHarness) -> None:
    clock = ManualClock(EPOCH)
    workers = [Watch(harness, clock) for _ in range(4)]
    await asyncio.gather(*(each.refuse(10) for each in workers))
    await asyncio.gather(*(each.refuse(1) for each in workers))
    assert [each[0] for each in await workers[0].events()] == [subjects.REFUSALS_RAISED]


async def test_a_blocked_key_is_told_at_once_and_until_a_day_is_quiet(
    harness: RegistrationHarness,
) -> None:
    own = Watch(harness, ManualClock(EPOCH))
    await own.refuse(1, compromised_key=True)
    await own.refuse(1, compromised_key=True)
    ((_, name, count),) = await own.events()
    assert (name.rpartition("-")[0], count) == ("blocked-key", 1)
    own.clock.advance(23 * HOUR)
    await own.refuse(0)
    assert len(await own.events()) == 1
    own.clock.advance(2 * HOUR)
    await own.refuse(0)
    assert [each[0] for each in await own.events()][1:] == [subjects.REFUSALS_CALMED]


async def test_old_hours_are_removed_where_no_bus_is_told_too(
    harness: RegistrationHarness,
) -> None:
    clock, counts = ManualClock(EPOCH), RefusalCounts()
    storage = RefusalStorage(harness.database)
    watch = RefusalWatch(counts, storage, None, 20, clock, harness.audit)
    counts.add("admin", NewelError(ErrorType.UNAUTHORIZED, ""))
    await watch.store()
    clock.advance(29 * 24 * HOUR)
    await watch.judge()
    assert await harness.database.fetch(Statement("SELECT count(*) FROM refusals")) == [(0,)]


def test_errors_of_our_own_are_no_refusals() -> None:
    counts = RefusalCounts()
    for kind in (ErrorType.UNAVAILABLE, ErrorType.RATE_LIMITED, ErrorType.SERVER_INTERNAL):
        counts.add("admin", NewelError(kind, "no"))
    assert not counts.take()


async def test_requests_that_the_service_refuses_are_what_is_counted(
    harness: RegistrationHarness,
) -> None:
    for _ in range(3):
        answer = await harness.sign("no.token.here", request_for("a.example"))
        assert answer.status_code == 401
    supervisor = Supervisor(CollectorRegistry())
    supervisor.start({"refusals": harness.service.tasks["refusals"]}, "registration")
    query = Statement("SELECT provisioner, kind, count FROM refusals")
    async with asyncio.timeout(60):
        while not await harness.database.fetch(query):
            await asyncio.sleep(0.02)
    await supervisor.stop()
    assert await harness.database.fetch(query) == [("", "refusals", 3)]


async def test_what_was_refused_before_an_ordinary_stop_is_counted(
    harness: RegistrationHarness,
) -> None:
    assert (await harness.sign("no.token.here", request_for("a.example"))).status_code == 401
    for stop in harness.service.stop:
        await stop()
    rows = await harness.database.fetch(Statement("SELECT kind, count FROM refusals"))
    assert rows == [("refusals", 1)]
