"""Alerts of each kind: what opens one, what takes its place, what ends it, and what it says."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.webhook import WebhookReceiver
from fixtures.alerting import Alerts, expiry_event, renewal_event
from fixtures.catalogue import START, make_event
from newel.alerting.config import Channel, Config, Rule, Webhook
from newel.alerting.documents import AlertDocument
from newel.alerting.notices import Acknowledgement
from newel.alerting.storage.listing import ListingStorage
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.config import ConfigError, validate
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.listing import ListQuery
from newel.runtime.events.contract import Event

ONE = b"\x01\x01"
UNRENEWED = expiry_event(ONE, what=subjects.ENDPOINT_UNRENEWED, fraction=0.45, usual=0.4)
EXPIRING = expiry_event(ONE)
EXPIRED = expiry_event(ONE, what=subjects.ENDPOINT_EXPIRED, expired=True, fraction=1.01)
LATER = Statement("UPDATE notices SET kind = 'of-a-later-version' WHERE id = $1")


@pytest.fixture
def hook(webhook: WebhookReceiver, secret_file: Callable[..., Path]) -> Channel:
    return Webhook(kind="webhook", url=webhook.url("/hook"), secret_file=secret_file())


def titles(webhook: WebhookReceiver) -> list[str]:
    return [each["data"]["title"] for each in webhook.events]


async def test_each_stage_of_a_certificate_takes_the_place_of_the_one_before_it(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    for event in (UNRENEWED, EXPIRING, EXPIRED):
        for _ in range(2):
            await alerts.take(event, event)
            await alerts.deliver()
    assert sorted(titles(webhook)) == sorted(
        [
            "Certificate of a.example was not renewed as usual",
            "Certificate of a.example is about to expire",
            "Followed: Certificate of a.example is about to expire",
            "Certificate of a.example has expired",
            "Followed: Certificate of a.example has expired",
        ]
    )
    opened = [each["data"] for each in webhook.events if each["type"] == "newel.alert.opened.v1"]
    assert [each["severity"] for each in opened] == ["warning", "warning", "critical"]
    assert opened[0]["detail"] == "It was usually renewed by 40% of its lifetime."
    still_open = "SELECT id FROM notices WHERE resolved_at IS NULL"
    assert await alerts.rows(still_open) == [("expired-0101",)]
    await alerts.take(renewal_event(ONE))
    await alerts.take(EXPIRED, EXPIRING, UNRENEWED)  # once more, after the end
    await alerts.deliver()
    assert titles(webhook)[5:] == ["Resolved: a.example has a new certificate"]
    assert await alerts.rows(still_open) == []
    assert webhook.complaints == []
    await alerts.close()


async def test_what_comes_late_of_a_state_that_is_over_is_not_opened(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(EXPIRING)
    await alerts.deliver()
    await alerts.take(UNRENEWED)
    await alerts.take(EXPIRED, UNRENEWED, EXPIRING)
    await alerts.deliver()
    assert await alerts.rows("SELECT id FROM notices WHERE resolved_at IS NULL") == [
        ("expired-0101",)
    ]
    assert sorted(titles(webhook)) == sorted(
        [
            "Certificate of a.example is about to expire",
            "Followed: Certificate of a.example has expired",
            "Certificate of a.example has expired",
        ]
    )
    await alerts.close()


async def test_of_many_workers_that_open_the_states_at_once_the_newest_wins(
    database: Database, database_url: str
) -> None:
    events = (EXPIRED, EXPIRING, UNRENEWED)
    opened = [await open_database(database_url) for _ in events]
    workers = [Alerts(each, Config()) for each in opened]
    await asyncio.gather(*(worker.take(each) for worker, each in zip(workers, events, strict=True)))
    assert await workers[0].rows("SELECT id FROM notices WHERE resolved_at IS NULL") == [
        ("expired-0101",)
    ]
    for each in opened:
        await each.close()


async def test_one_alert_of_a_line_is_open_when_its_next_certificate_is_late_too(
    database: Database,
) -> None:
    alerts = Alerts(database, Config())
    await alerts.take(EXPIRED)
    # as an earlier version left it, which knew no topics of these
    await database.apply(Write(Statement("UPDATE notices SET topic = ''"), ()))
    later = events_pb2.EndpointExpiring.FromString(UNRENEWED.payload)
    later.serial = b"\x02"
    later.not_after.FromDatetime(START + dt.timedelta(hours=1))
    next_one = make_event(subjects.ENDPOINT_UNRENEWED, later.SerializeToString())
    await alerts.take(next_one, EXPIRED)
    rows = "SELECT id, followed_by FROM notices ORDER BY id"
    assert await alerts.rows(rows) == [("expired-0101", "unrenewed"), ("unrenewed-02", "")]


async def test_what_may_have_been_renewed_says_so(database: Database) -> None:
    alerts = Alerts(database, Config())
    event = events_pb2.EndpointExpiring.FromString(EXPIRING.payload)
    event.unseen_since.FromDatetime(START)
    await alerts.take(make_event(subjects.ENDPOINT_EXPIRING, event.SerializeToString()))
    ((detail,),) = await alerts.rows("SELECT detail FROM notices")
    assert detail == (
        "It may have been renewed: the issuing authority's list cannot be read since"
        " 2026-11-21T12:00:00Z."
    )


async def test_an_expiry_that_was_never_told_is_not_told_once_the_certificate_has_expired(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(UNRENEWED, EXPIRING, EXPIRED)
    await alerts.deliver()
    assert titles(webhook) == ["Certificate of a.example has expired"]
    await alerts.close()


async def test_who_acknowledged_that_it_expires_is_told_that_it_has_expired(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(EXPIRING)
    await alerts.storage.acknowledge("expiring-0101", Acknowledgement("ada", START, ""))
    await alerts.take(EXPIRED)
    await alerts.deliver()
    assert titles(webhook) == ["Certificate of a.example has expired"]
    assert await alerts.rows(
        "SELECT id FROM notices WHERE resolved_at IS NULL AND acknowledged_at IS NULL"
    ) == [("expired-0101",)]
    await alerts.close()


async def test_the_owner_decides_where_an_alert_goes_and_a_link_leads_to_its_page(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    rule = Rule(channels=("hook",), owners=("*@web.example",))
    address = "https://ca.example/dashboard/"
    config = Config(channels={"hook": hook}, rules=(rule,), dashboard=address)
    alerts = Alerts(database, config)
    await alerts.take(expiry_event(ONE, owner="ada@web.example"), expiry_event(b"\x02", owner="b"))
    await alerts.deliver()
    (event,) = webhook.events
    assert event["data"]["owner"] == "ada@web.example"
    assert event["data"]["page"] == "https://ca.example/dashboard/alerts/expiring-0101"
    await alerts.close()


def test_a_dashboard_without_tls_is_refused() -> None:
    with pytest.raises(ConfigError, match="dashboard"):
        validate(Config, {"dashboard": "http://ca.example/dashboard"}, "alerting.toml")


async def test_an_alert_of_a_kind_that_is_not_known_is_listed_and_told_with_the_others(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(EXPIRING, expiry_event(b"\x02", subject="b.example"))
    await database.apply(Write(LATER, ("expiring-0101",)))
    query = ListQuery(filters={}, sort="opened", descending=False, limit=10, after=None)
    page = await ListingStorage(database).alerts(query, START + dt.timedelta(seconds=1))
    first, second = (AlertDocument.of(each, []) for each in page.entries)
    assert first.title == "of-a-later-version of a.example"
    assert "does not know this kind" in first.advice
    assert second.title == "Certificate of b.example is about to expire"
    await alerts.deliver()
    assert sorted(titles(webhook)) == sorted([first.title, second.title])
    await alerts.close()


def compromise_event(endpoint: str = "c-01", **fields: Any) -> Event:
    about: dict[str, Any] = {
        "subject": "a.example",
        "key": b"\x07" * 32,
        "certificates": 4,
        "endpoints": 4,
    }
    event = events_pb2.EndpointCompromised(endpoint=endpoint, serial=ONE, **{**about, **fields})
    event.not_before.FromDatetime(START)
    event.not_after.FromDatetime(START + dt.timedelta(hours=24))
    return make_event(subjects.ENDPOINT_COMPROMISED, event.SerializeToString())


async def test_a_compromised_key_is_told_to_its_owners_until_another_one_is_in_use(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    first = compromise_event(owner="ada", others=["b.example", "c.example"])
    second = compromise_event("c-02", subject="b.example", owner="bob", others=["a.example"])
    for _ in range(2):
        await alerts.take(first, first, second)
        await alerts.deliver()
    data = sorted((each["data"] for each in webhook.events), key=lambda each: each["subject"])
    assert [(each["subject"], each["owner"], each["severity"]) for each in data] == [
        ("a.example", "ada", "critical"),
        ("b.example", "bob", "critical"),
    ]
    assert data[0]["title"] == "The key of a.example was compromised"
    assert data[0]["detail"] == (
        "4 certificates of 4 endpoints that have not expired are on its key:"
        " also b.example, c.example and 1 more."
    )
    over = events_pb2.EndpointRekeyed(endpoint="c-01", serial=b"\x05", compromised=b"\x07" * 32)
    await alerts.take(make_event(subjects.ENDPOINT_REKEYED, over.SerializeToString()))
    await alerts.deliver()
    assert webhook.events[-1]["data"]["title"] == (
        "Resolved: a.example has a certificate on another key"
    )
    still_open = "SELECT endpoint FROM notices WHERE resolved_at IS NULL"
    assert await alerts.rows(still_open) == [("c-02",)]
    await alerts.close()


async def test_a_key_that_was_replaced_before_anyone_was_told_is_told_of_and_then_its_end(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    over = events_pb2.EndpointRekeyed(endpoint="c-01", serial=b"\x05", compromised=b"\x07" * 32)
    await alerts.take(compromise_event())
    await alerts.take(make_event(subjects.ENDPOINT_REKEYED, over.SerializeToString()))
    await alerts.deliver()
    assert titles(webhook) == ["The key of a.example was compromised"]
    alerts.clock.advance(dt.timedelta(minutes=1))
    await alerts.deliver()
    assert titles(webhook)[1:] == ["Resolved: a.example has a certificate on another key"]
    await alerts.close()


async def test_what_registration_refuses_is_told_by_provisioner_until_it_is_as_usual(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    raised = [
        events_pb2.RefusalsRaised(id="refusals-1", kind="refusals", count=500, usual=7),
        events_pb2.RefusalsRaised(
            id="blocked-key-1", kind="blocked-key", provisioner="admin", count=2
        ),
    ]
    for _ in range(2):
        await alerts.take(
            *[make_event(subjects.REFUSALS_RAISED, each.SerializeToString()) for each in raised]
        )
        await alerts.deliver()
    assert {(each["data"]["title"], each["data"]["severity"]) for each in webhook.events} == {
        ("Many requests are refused: requests without a provisioner", "warning"),
        ("A compromised key is in use: provisioner admin", "critical"),
    }
    over = events_pb2.RefusalsCalmed(id="refusals-1")
    await alerts.take(make_event(subjects.REFUSALS_CALMED, over.SerializeToString()))
    await alerts.deliver()
    assert len(webhook.events) == 3
    assert await alerts.rows("SELECT id FROM notices WHERE resolved_at IS NULL") == [
        ("blocked-key-1",)
    ]
    await alerts.close()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"certificates": 1, "endpoints": 1}, "1 certificate of 1 endpoint that have not expired"),
        ({"key": b""}, "What else is on its key is not known."),
    ],
)
async def test_what_is_on_a_compromised_key_is_said_as_far_as_it_is_known(
    database: Database, fields: dict[str, Any], said: str
) -> None:
    alerts = Alerts(database, Config())
    await alerts.take(compromise_event(**fields))
    ((detail,),) = await alerts.rows("SELECT detail FROM notices")
    assert said in detail
