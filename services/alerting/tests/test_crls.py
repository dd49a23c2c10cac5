"""A revocation list that is late, that ends, and that is followed at last."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from fixtures.alerting import Alerts
from fixtures.catalogue import START, make_event
from newel.alerting.config import Config
from newel.alerting.crls import CRLWatch
from newel.alerting.retention import Maintenance
from newel.alerting.storage.crls import CRLStorage
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.database.contract import Database
from newel.runtime.events.contract import Event

HOUR = dt.timedelta(hours=1)


@dataclass
class Delay:
    """How far behind the bus the consumer is."""

    alerts: Alerts
    seconds: float | None = 0
    """None: the bus cannot be asked."""

    async def complete_to(self, consumer: str) -> float | None:
        return None if self.seconds is None else self.alerts.clock.unix() - self.seconds


class Harness(NamedTuple):
    alerts: Alerts
    watch: CRLWatch
    delay: Delay

    async def look(self, hours: float = 0) -> list[tuple[str, str]]:
        """Look twice, so many hours later; return the kind and the scope of what is open."""
        self.alerts.clock.advance(hours * HOUR)
        await self.watch.tick()
        await self.watch.tick()
        return await self.open_now()

    async def open_now(self) -> list[tuple[str, str]]:
        query = "SELECT kind, subject FROM notices WHERE resolved_at IS NULL ORDER BY kind, subject"
        return [(kind, subject) for kind, subject in await self.alerts.rows(query)]


@pytest.fixture
def harness(database: Database) -> Harness:
    alerts = Alerts(database, Config())
    storage = CRLStorage(database)
    parts = alerts.config, alerts.clock, alerts.audit, alerts.metrics
    delay = Delay(alerts)
    return Harness(alerts, CRLWatch(storage, delay, alerts.storage, *parts), delay)


def crl_event(after: float = 0, scope: str = "aa", due: float | None = 8, end: float = 24) -> Event:
    """A list of ``after`` hours, which is followed within 8 and ends after 24 by default."""
    event = events_pb2.CrlPublished(issuer="aa", number=b"\x01", scope=scope)
    event.this_update.FromDatetime(START + after * HOUR)
    event.next_update.FromDatetime(START + (after + end) * HOUR)
    if due is not None:
        event.due.FromDatetime(START + (after + due) * HOUR)
    return make_event(subjects.CRL_PUBLISHED, event.SerializeToString())


async def test_a_list_is_late_then_ends_and_is_resolved_by_the_next(harness: Harness) -> None:
    await harness.watch.handle([crl_event()])
    assert await harness.look(11) == []
    assert await harness.look(2) == [("crl-late", "issuer aa")]
    assert await harness.look(12) == [("crl-stale", "issuer aa")]
    await harness.watch.handle([crl_event(25), crl_event()])  # an old one comes once more
    assert await harness.look() == []
    rows = await harness.alerts.rows(
        "SELECT kind, severity, followed_by FROM notices ORDER BY kind"
    )
    assert rows == [("crl-late", "warning", "crl-stale"), ("crl-stale", "critical", "")]
    ((detail,),) = await harness.alerts.rows("SELECT detail FROM notices WHERE kind = 'crl-stale'")
    assert "to be followed by 2026-11-21T20:00:00Z, and ends at 2026-11-22T12:00:00Z" in detail


async def test_lists_that_follow_one_another_are_never_late(harness: Harness) -> None:
    for number in range(21):
        await harness.watch.handle([crl_event(8 * number)])
        assert await harness.look(8) == []
    assert await harness.alerts.rows("SELECT count(*) FROM notices") == [(0,)]


async def test_after_a_pause_of_everything_the_next_list_may_come_before_the_second_look(
    harness: Harness,
) -> None:
    await harness.watch.handle([crl_event()])
    harness.alerts.clock.advance(100 * HOUR)
    await harness.watch.tick()
    await harness.watch.handle([crl_event(100)])
    assert await harness.look() == []
    assert await harness.alerts.rows("SELECT count(*) FROM notices WHERE opened_at > 0") == [(0,)]


async def test_a_list_that_may_wait_on_the_bus_is_not_missed(harness: Harness) -> None:
    await harness.watch.handle([crl_event()])
    harness.delay.seconds = 2 * 3600
    assert await harness.look(13) == []
    assert await harness.look(2) == [("crl-late", "issuer aa")]
    harness.delay.seconds = None
    assert await harness.look(11) == [("crl-late", "issuer aa")]
    harness.delay.seconds = 0
    assert await harness.look() == [("crl-stale", "issuer aa")]


@pytest.mark.parametrize("seconds", [None, 1e9])
async def test_a_list_that_ended_is_told_with_the_reason_while_the_bus_says_nothing_for_long(
    harness: Harness, seconds: float | None
) -> None:
    await harness.watch.handle([crl_event()])
    harness.delay.seconds = seconds
    assert await harness.look(25) == []
    assert await harness.look(0.15) == []
    assert await harness.look(0.02) == [("crl-stale", "issuer aa")]
    ((detail,),) = await harness.alerts.rows("SELECT detail FROM notices")
    assert "since 2026-11-22T13:00:00Z the bus has not delivered what it has" in detail


async def test_each_shard_is_watched_by_itself(harness: Harness) -> None:
    await harness.watch.handle([crl_event(), crl_event(scope="aa/2-1")])
    await harness.watch.handle([crl_event(8)])
    assert await harness.look(13) == [("crl-late", "issuer aa/2-1")]


async def test_a_scope_that_is_out_of_use_is_forgotten_with_its_alert(harness: Harness) -> None:
    alerts, crls = harness.alerts, CRLStorage(harness.alerts.database)
    await harness.watch.handle([crl_event(), crl_event(scope="aa/2-1")])
    assert len(await harness.look(25)) == 2
    await harness.watch.handle([crl_event(25)])
    alerts.clock.advance(dt.timedelta(days=91))
    await harness.watch.handle([crl_event(25 + 91 * 24)])
    parts = alerts.clock, alerts.audit, alerts.metrics
    sweeper = Maintenance(alerts.storage, alerts.silences, crls, alerts.config, *parts)
    await sweeper.sweep()
    assert [each.scope for each in await crls.read_all()] == ["aa"]
    assert await harness.look() == []


async def test_a_list_of_a_version_that_says_nothing_of_the_next_counts_when_it_ends(
    harness: Harness,
) -> None:
    await harness.watch.handle([crl_event(scope="", due=None)])
    assert await harness.look(23) == []
    assert await harness.look(2) == [("crl-stale", "issuer aa")]


async def test_an_event_that_cannot_be_read_holds_up_no_other(harness: Harness) -> None:
    await harness.watch.handle([make_event(subjects.CRL_PUBLISHED, b"\xff"), crl_event()])
    assert await harness.look(13) == [("crl-late", "issuer aa")]
    assert harness.alerts.audit.outcomes("alerting.event") == ["refused"]
