"""Many alerts of one kind and owner in one message, and its end when all of them are over."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.http_receiver import Reply
from fakes.slack import SlackReceiver
from fakes.webhook import WebhookReceiver
from fixtures.alerting import Alerts, expiry_event, renewal_event
from fixtures.catalogue import START
from newel.alerting.config import (
    Channel,
    Config,
    Escalation,
    GroupLimits,
    Retry,
    Rule,
    Slack,
    Webhook,
)
from newel.alerting.silences import Matchers, Silence
from newel.alerting.storage.listing import ListingStorage
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database
from newel.runtime.database.listing import ListQuery
from newel.runtime.events.contract import Event

SECOND = dt.timedelta(seconds=1)
SecretFile = Callable[..., Path]


@pytest.fixture
def chat(slack: SlackReceiver, secret_file: SecretFile) -> Channel:
    return Slack(kind="slack", url_file=secret_file(slack.url("/services/T0/B0/x")))


@pytest.fixture
def hook(webhook: WebhookReceiver, secret_file: SecretFile) -> Channel:
    """A program that wants groups."""
    url = webhook.url("/hook")
    return Webhook(kind="webhook", url=url, secret_file=secret_file(), group=True)


def make_events(first: int, last: int, **fields: Any) -> list[Event]:
    return [
        expiry_event(n.to_bytes(2), subject=f"host-{n}.example", **fields)
        for n in range(first, last)
    ]


def texts(slack: SlackReceiver) -> Sequence[str]:
    return [each["text"] for each in slack.messages]


async def test_many_alerts_are_one_message_with_their_number_and_the_first_of_them(
    database: Database, slack: SlackReceiver, chat: Channel
) -> None:
    config = Config(
        channels={"chat": chat},
        grouping=GroupLimits(named=2),
        dashboard="https://ca.example/dashboard",
    )
    alerts = Alerts(database, config)
    await alerts.take(*make_events(0, 60))
    for _ in range(3):
        await alerts.deliver()
    assert texts(slack) == ["⚠ 60 certificates are about to expire"]
    ((group,),) = await alerts.rows("SELECT id FROM digests")
    shown = str(slack.messages[0])
    assert "host-0.example, host-1.example" in shown
    assert f"https://ca.example/dashboard/alerts?group={group}" in shown
    query = ListQuery({"group": group}, sort="opened", descending=True, limit=500, after=None)
    page = await ListingStorage(database).alerts(query, alerts.clock.now())
    assert len(page.entries) == 60
    assert await alerts.states() == {"opened chat": "delivered"}
    # what is over is told once the last one is
    ends = [renewal_event(n.to_bytes(2)) for n in range(60)]
    await alerts.take(*ends[1:])
    alerts.clock.advance(10 * SECOND)
    await alerts.deliver()
    assert len(slack.posted) == 1
    await alerts.take(ends[0])
    for _ in range(3):
        alerts.clock.advance(10 * SECOND)
        await alerts.deliver()
    assert texts(slack)[1:] == ["✓ All over: 60 certificates are about to expire"]
    await alerts.close()


async def test_the_first_few_come_one_by_one_and_after_a_message_of_many_others_gather(
    database: Database, slack: SlackReceiver, chat: Channel
) -> None:
    grouping = GroupLimits(single=2, wait=30 * SECOND)
    alerts = Alerts(database, Config(channels={"chat": chat}, grouping=grouping))
    await alerts.take(*make_events(0, 2))
    await alerts.deliver()
    assert len(slack.posted) == 2
    for first, last in ((2, 6), (6, 9), (9, 10)):
        alerts.clock.advance(2 * SECOND)
        await alerts.take(*make_events(first, last))
        await alerts.deliver()
    assert texts(slack)[2:] == ["⚠ 4 certificates are about to expire"]
    alerts.clock.advance(30 * SECOND)
    await alerts.deliver()
    assert texts(slack)[3:] == ["⚠ 4 certificates are about to expire"]
    alerts.clock.advance(60 * SECOND)
    await alerts.take(*make_events(10, 11))
    await alerts.deliver()
    assert texts(slack)[4:] == ["⚠ Certificate of host-10.example is about to expire"]
    await alerts.close()


async def test_owners_kinds_and_channels_for_programs_are_told_apart(
    database: Database, webhook: WebhookReceiver, slack: SlackReceiver, chat: Channel,
    secret_file: SecretFile,
) -> None:  # fmt: skip # the fixtures
    program = Webhook(kind="webhook", url=webhook.url("/hook"), secret_file=secret_file())
    alerts = Alerts(database, Config(channels={"chat": chat, "program": program}))
    await alerts.take(*make_events(0, 6, owner="ada"), *make_events(6, 13, owner="bob"))
    await alerts.deliver()
    assert sorted(texts(slack)) == [
        "⚠ 6 certificates are about to expire",
        "⚠ 7 certificates are about to expire",
    ]
    assert len(webhook.events) == 13
    await alerts.close()


async def test_a_message_that_failed_is_the_same_again_and_at_last_each_is_told_elsewhere(
    database: Database, webhook: WebhookReceiver, slack: SlackReceiver, hook: Channel, chat: Channel
) -> None:
    webhook.replies = [Reply(status=500)] * 2
    config = Config(
        channels={"hook": hook, "chat": chat},
        rules=(Rule(channels=("hook",), fallback="chat"),),
        retry=Retry(attempts=2, first=SECOND),
        grouping=GroupLimits(single=2),
    )
    alerts = Alerts(database, config)
    await alerts.take(*make_events(0, 5))
    await alerts.deliver("hook")
    await alerts.take(*make_events(5, 6))  # no part of it
    alerts.clock.advance(2 * SECOND)
    await alerts.deliver("hook")
    assert len(webhook.posted) == 2
    assert len({each.body for each in webhook.posted}) == 1
    assert len({each.headers["idempotency-key"] for each in webhook.posted}) == 1
    data = webhook.events[0]["data"]
    assert (data["alerts"], data["first"][0]) == (5, "host-0.example")
    await alerts.deliver("chat")
    assert texts(slack) == ["⚠ 5 certificates are about to expire"]
    states = await alerts.rows("SELECT state, error FROM digests ORDER BY state")
    assert [state for state, _ in states] == ["delivered", "failed"]
    await alerts.close()


async def test_many_workers_tell_each_alert_once(
    database: Database, database_url: str, slack: SlackReceiver, chat: Channel
) -> None:
    config = Config(channels={"chat": chat}, grouping=GroupLimits(single=1))
    alerts = Alerts(database, config)
    await alerts.take(*make_events(0, 40))
    others = [await open_database(database_url) for _ in range(3)]
    workers = [Alerts(each, config, clock=alerts.clock) for each in others]
    await asyncio.gather(*(each.deliver() for each in workers))
    assert texts(slack) == ["⚠ 40 certificates are about to expire"]
    assert await alerts.rows("SELECT DISTINCT state FROM deliveries") == [("delivered",)]
    for each in (alerts, *workers):
        await each.close()
    for each in others:
        await each.close()


async def test_a_worker_that_died_while_it_told_is_followed_by_one_that_says_the_same(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    config = Config(channels={"hook": hook}, grouping=GroupLimits(single=1))
    dead = Alerts(database, config)
    await dead.take(*make_events(0, 4))

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    dead.channels["hook"].send = die  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(asyncio.CancelledError):
        await dead.deliver()
    after = Alerts(database, config, clock=dead.clock)
    await after.deliver()
    assert webhook.posted == []  # the claim stands
    after.clock.advance(301 * SECOND)
    await after.deliver()
    (event,) = webhook.events
    assert event["data"]["alerts"] == 4
    assert await after.rows("SELECT DISTINCT state FROM deliveries") == [("delivered",)]
    await after.close()


async def test_what_a_silence_holds_is_no_part_and_is_told_as_many_when_it_ends(
    database: Database, slack: SlackReceiver, chat: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"chat": chat}, grouping=GroupLimits(single=1)))
    end = START + 60 * SECOND
    held = Silence("s", Matchers(owner="ada"), "", "ada", START, START, end)
    await alerts.silences.add(held)
    await alerts.take(*make_events(0, 3, owner="ada"), *make_events(3, 5, owner="bob"))
    await alerts.deliver()
    assert texts(slack) == ["⚠ 2 certificates are about to expire"]
    states = "SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY state"
    assert await alerts.rows(states) == [("delivered", 2), ("silenced", 3)]
    silenced = [
        line for line in alerts.audit.lines if line[:2] == ("alerting.delivery", "silenced")
    ]
    assert [line[2]["silence"] for line in silenced] == ["s"] * 3
    alerts.clock.advance(61 * SECOND)
    await alerts.deliver()
    assert texts(slack)[1:] == ["⚠ 3 certificates are about to expire"]
    await alerts.close()


async def test_what_no_one_acknowledged_is_escalated_as_many(
    database: Database, slack: SlackReceiver, chat: Channel, hook: Channel
) -> None:
    later = Escalation(after=60 * SECOND, channels=("chat",))
    config = Config(
        channels={"hook": hook, "chat": chat},
        rules=(Rule(channels=("hook",), escalations=(later,)),),
        grouping=GroupLimits(single=1),
    )
    alerts = Alerts(database, config)
    await alerts.take(*make_events(0, 3))
    await alerts.deliver()
    assert slack.posted == []
    alerts.clock.advance(61 * SECOND)
    await alerts.deliver()
    assert texts(slack) == ["⚠ Not acknowledged: 3 certificates are about to expire"]
    await alerts.close()
