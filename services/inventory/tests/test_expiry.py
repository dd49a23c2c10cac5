"""Endpoints are reported as expiring once, and as renewed afterwards."""

import asyncio
import datetime as dt

import pytest

from fixtures.catalogue import START, make_issued, revocation_event
from fixtures.inventory import Catalogue
from newel.inventory.config import Expiry
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write

TWO_MINUTES = dt.timedelta(minutes=2)
SECOND = dt.timedelta(seconds=1)


async def read_outbox(catalogue: Catalogue) -> list[tuple[str, bytes]]:
    """The subject of each event in the outbox with the serial it is about."""
    told: list[tuple[str, bytes]] = []
    for subject, payload in await catalogue.rows("SELECT subject, payload FROM outbox ORDER BY id"):
        if subject != subjects.ENDPOINT_RENEWED:
            told.append((subject, events_pb2.EndpointExpiring.FromString(payload).serial))
        else:
            told.append((subject, events_pb2.EndpointRenewed.FromString(payload).superseded))
    return told


async def test_a_two_minute_certificate_is_said_once_when_three_quarters_have_passed(
    catalogue: Catalogue,
) -> None:
    one = make_issued("a.example", "10.0.0.1", life=TWO_MINUTES)
    await catalogue.take(one.event)
    watch = catalogue.watch()
    catalogue.clock.advance(89 * SECOND)
    await watch.tick()
    assert await read_outbox(catalogue) == []
    for _ in range(3):
        catalogue.clock.advance(SECOND)
        await watch.tick()
    assert await read_outbox(catalogue) == [(subjects.ENDPOINT_EXPIRING, one.serial)]
    ((payload,),) = await catalogue.rows("SELECT payload FROM outbox")
    event = events_pb2.EndpointExpiring.FromString(payload)
    assert event.endpoint == await catalogue.endpoint_of(one.serial)
    assert (event.subject, list(event.names)) == ("a.example", ["dns:a.example", "ip:10.0.0.1"])
    assert (event.provisioner, event.fraction, event.expired) == ("admin", 0.75, False)
    assert event.not_after.ToDatetime(dt.UTC) == START + TWO_MINUTES


async def test_what_has_a_successor_says_nothing(catalogue: Catalogue) -> None:
    old = make_issued("a.example", life=TWO_MINUTES)
    new = make_issued("a.example", renews=old, at=START + 80 * SECOND, life=TWO_MINUTES)
    await catalogue.take(old.event, new.event)
    catalogue.clock.advance(TWO_MINUTES)
    await catalogue.watch().tick()
    assert await read_outbox(catalogue) == []


@pytest.mark.parametrize("renewable", [True, False])
async def test_a_successor_takes_the_warning_back_once_and_is_watched_itself(
    catalogue: Catalogue, renewable: bool
) -> None:
    old = make_issued("a.example", life=TWO_MINUTES, renewable=renewable)
    await catalogue.take(old.event)
    watch = catalogue.watch()
    catalogue.clock.advance(95 * SECOND)
    await watch.tick()
    now = catalogue.clock.now()
    if renewable:
        new = make_issued("a.example", renews=old, at=now, life=TWO_MINUTES)
    else:
        new = make_issued("A.example", at=now, life=TWO_MINUTES, renewable=False)
    await catalogue.take(new.event)
    for _ in range(3):
        catalogue.clock.advance(SECOND)
        await watch.tick()
    assert await read_outbox(catalogue) == [
        (subjects.ENDPOINT_EXPIRING, old.serial),
        (subjects.ENDPOINT_RENEWED, old.serial),
    ]
    _, (payload,) = await catalogue.rows("SELECT payload FROM outbox ORDER BY id")
    assert events_pb2.EndpointRenewed.FromString(payload).serial == new.serial
    catalogue.clock.advance(90 * SECOND)
    await watch.tick()
    assert (await read_outbox(catalogue))[2:] == [(subjects.ENDPOINT_EXPIRING, new.serial)]


async def test_revoking_the_last_certificate_takes_the_warning_back(catalogue: Catalogue) -> None:
    one = make_issued("a.example", life=TWO_MINUTES)
    await catalogue.take(one.event)
    watch = catalogue.watch()
    catalogue.clock.advance(95 * SECOND)
    await watch.tick()
    await catalogue.take(revocation_event(one))
    await watch.tick()
    await watch.tick()
    assert await read_outbox(catalogue) == [
        (subjects.ENDPOINT_EXPIRING, one.serial),
        (subjects.ENDPOINT_RENEWED, one.serial),
    ]
    _, (payload,) = await catalogue.rows("SELECT payload FROM outbox ORDER BY id")
    assert events_pb2.EndpointRenewed.FromString(payload).serial == b""


@pytest.mark.parametrize("is_told", [True, False])
async def test_revoking_the_renewal_is_no_lapse_of_what_it_renewed(
    catalogue: Catalogue, is_told: bool
) -> None:
    old = make_issued("a.example", life=TWO_MINUTES)
    await catalogue.take(old.event)
    watch = catalogue.watch()
    catalogue.clock.advance(95 * SECOND)
    await watch.tick()
    new = make_issued("a.example", renews=old, at=catalogue.clock.now(), life=TWO_MINUTES)
    await catalogue.take(new.event)
    if is_told:  # before the revocation, or with it
        await watch.tick()
    await catalogue.take(revocation_event(new))
    for _ in range(40):
        catalogue.clock.advance(SECOND)
        await watch.tick()
    assert await read_outbox(catalogue) == [
        (subjects.ENDPOINT_EXPIRING, old.serial),
        (subjects.ENDPOINT_RENEWED, old.serial),
    ]
    _, (payload,) = await catalogue.rows("SELECT payload FROM outbox ORDER BY id")
    successor = events_pb2.EndpointRenewed.FromString(payload).serial
    assert successor == (new.serial if is_told else b"")
    assert await catalogue.rows("SELECT due FROM endpoints") == [(None,)]
    again = make_issued("a.example", renews=old, at=catalogue.clock.now(), life=TWO_MINUTES)
    await catalogue.take(again.event)
    catalogue.clock.advance(91 * SECOND)
    await watch.tick()
    assert (await read_outbox(catalogue))[2:] == [(subjects.ENDPOINT_EXPIRING, again.serial)]


async def test_what_another_host_of_the_same_names_has_is_watched_when_one_is_revoked(
    catalogue: Catalogue,
) -> None:
    one, other = (
        make_issued("a.example", at=START + n * SECOND, life=TWO_MINUTES, renewable=False)
        for n in range(2)
    )
    await catalogue.take(one.event, other.event, revocation_event(other))
    catalogue.clock.advance(91 * SECOND)
    await catalogue.watch().tick()
    assert await read_outbox(catalogue) == [(subjects.ENDPOINT_EXPIRING, one.serial)]


async def test_what_expired_while_nobody_looked_is_said_unless_it_is_history(
    catalogue: Catalogue,
) -> None:
    ancient = make_issued("a.example", life=TWO_MINUTES)
    recent = make_issued("b.example", life=dt.timedelta(days=3))
    await catalogue.take(ancient.event, recent.event)
    catalogue.clock.advance(dt.timedelta(days=3, seconds=1))
    await catalogue.watch().tick()
    assert await read_outbox(catalogue) == [(subjects.ENDPOINT_EXPIRED, recent.serial)]
    ((payload,),) = await catalogue.rows("SELECT payload FROM outbox")
    assert events_pb2.EndpointExpiring.FromString(payload).expired


async def test_fractions_by_provisioner_and_kinds_nobody_renews(database: Database) -> None:
    expiry = Expiry(provisioners={"early": 0.5, "never": 0}, quiet_types=("OIDC",))
    catalogue = Catalogue(database, expiry)
    early = make_issued("a.example", provisioner="early", life=TWO_MINUTES)
    never = make_issued("b.example", provisioner="never", life=TWO_MINUTES)
    person = make_issued("c.example", kind="OIDC", life=TWO_MINUTES)
    await catalogue.take(early.event, never.event, person.event)
    catalogue.clock.advance(TWO_MINUTES)
    await catalogue.watch().tick()
    assert await read_outbox(catalogue) == [(subjects.ENDPOINT_EXPIRING, early.serial)]


async def test_many_replicas_say_it_once(catalogue: Catalogue, database_url: str) -> None:
    line = [make_issued(f"host-{number}.example", life=TWO_MINUTES) for number in range(30)]
    await catalogue.take(*(each.event for each in line))
    catalogue.clock.advance(95 * SECOND)
    others = [await open_database(database_url) for _ in range(3)]
    replicas = [Catalogue(each, clock=catalogue.clock) for each in others]
    await asyncio.gather(*(each.watch().tick() for each in replicas))
    told = await read_outbox(catalogue)
    assert sorted(told) == sorted((subjects.ENDPOINT_EXPIRING, each.serial) for each in line)
    for each in others:
        await each.close()


async def test_a_renewal_that_raced_its_predecessor_is_found_before_a_false_alarm(
    catalogue: Catalogue,
) -> None:
    """Two replicas catalogue a certificate and its renewal at the same moment: neither sees the
    other's rows, so the renewal stays under the endpoint its predecessor would have opened.
    """
    first = make_issued("a.example", life=TWO_MINUTES)
    second = make_issued("a.example", renews=first, at=START + SECOND, life=TWO_MINUTES)
    third = make_issued("a.example", renews=second, at=START + 60 * SECOND, life=TWO_MINUTES)
    await catalogue.take(third.event)
    storage = catalogue.storage

    class BlindStorage(type(storage)):
        async def merge(self, endpoints: dict[str, str]) -> None:
            """The other replica's endpoint is not committed yet."""

    catalogue.projection._catalogue = BlindStorage(catalogue.database)  # pyright: ignore[reportPrivateUsage]
    await catalogue.take(first.event, second.event)
    assert await catalogue.rows("SELECT count(*) FROM endpoints") == [(2,)]
    catalogue.clock.advance(100 * SECOND)
    await catalogue.watch().tick()
    assert await read_outbox(catalogue) == []
    assert await catalogue.rows("SELECT last_serial FROM endpoints") == [(third.serial,)]


MANY_ENDPOINTS = Statement(
    "INSERT INTO endpoints (id, common_name, names, provisioner, provisioner_type, opened_at, due)"
    " WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 5000)"
    " SELECT 'e' || n, '', '', '', '', 0, CASE WHEN n % 100 = 0 THEN $1 + n END FROM counter"
)


async def test_the_tick_reads_an_index_and_no_table(catalogue: Catalogue) -> None:
    """On both databases, with as many endpoints as make reading them all the worse plan."""
    database = catalogue.database
    await database.apply(Write(MANY_ENDPOINTS, (1_000_000,)))
    await database.apply(Write(Statement("ANALYZE"), ()))
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    due = "SELECT id FROM endpoints WHERE due <= $1 ORDER BY due LIMIT 5"
    plan = str(await catalogue.rows(f"{explain} {due}", 1_000_300))
    assert "endpoints_due" in plan
    assert "SCAN endpoints" not in plan  # SQLite's word for the whole table
    assert "Seq Scan" not in plan  # PostgreSQL's
