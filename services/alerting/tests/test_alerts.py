"""From an expiring endpoint to the channels that hear of it, and back."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.http_receiver import Reply
from fakes.slack import SlackReceiver
from fakes.smtp import MailServer
from fakes.webhook import WebhookReceiver
from fixtures.alerting import Alerts, expiry_event, renewal_event
from fixtures.catalogue import START, make_event
from newel.alerting.app import REVISION
from newel.alerting.config import Channel, Config, Email, Retry, Rule, Slack, Webhook
from newel.alerting.notices import Message, Severity
from newel.alerting.retention import Maintenance
from newel.alerting.storage.crls import CRLStorage
from newel.alerting.storage.listing import ListingStorage
from newel.proto import subjects
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.migrations import migrate

SecretFile = Callable[..., Path]
ONE, TWO = b"\x01\x01", b"\x01\x02"
OLD_NOTICE = Statement("""
    INSERT INTO notices (id, endpoint, serial, subject, names, provisioner, not_before, not_after,
        life_passed, severity, opened_at)
    VALUES ('expiring-0101', 'c-0101', $1, 'a.example', '[]', 'admin', $2, $3, 0.75, 'warning', $2)""")
OLD_DELIVERY = Statement("""
    INSERT INTO deliveries (key, notice, phase, channel, fallback, state, attempts, next_at, error)
    VALUES ('expiring-0101.opened.hook', 'expiring-0101', 'opened', 'hook', '', 'pending', 0, $1, '')""")


@pytest.fixture
def hook(webhook: WebhookReceiver, secret_file: SecretFile) -> Channel:
    return Webhook(kind="webhook", url=webhook.url("/hook"), secret_file=secret_file())


@pytest.fixture
def chat(slack: SlackReceiver, secret_file: SecretFile) -> Channel:
    return Slack(kind="slack", url_file=secret_file(slack.url("/services/T0/B0/x")))


@pytest.fixture
def post(mail_server: MailServer) -> Channel:
    return Email(
        kind="email",
        host="127.0.0.1",
        port=mail_server.port,
        security="none",
        sender="ca@example.com",
        recipients=("ada@example.com", "bob@example.com"),
    )


async def test_nothing_is_sent_until_a_channel_is_configured(database: Database) -> None:
    alerts = Alerts(database, Config())
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    assert await alerts.rows("SELECT count(*) FROM deliveries") == [(0,)]


async def test_what_was_opened_before_an_upgrade_is_listed_and_delivered_after_it(
    database_url: str, webhook: WebhookReceiver, hook: Channel
) -> None:
    await migrate(database_url, "newel.alerting", "0001")
    old = await open_database(database_url)
    at = int(START.timestamp())
    await old.apply(Write(OLD_NOTICE, (ONE, at, at + 120)), Write(OLD_DELIVERY, (at * 1000,)))
    await old.close()
    assert await migrate(database_url, "newel.alerting", REVISION)
    new = await open_database(database_url)
    after = Alerts(new, Config(channels={"hook": hook}))
    await after.deliver()
    assert len(webhook.posted) == 1
    (told,) = await ListingStorage(new).deliveries("expiring-0101")
    assert (told.state, told.attempted_at) == ("delivered", after.clock.now())
    await after.close()
    await new.close()


async def test_every_channel_is_told_once_and_told_when_it_is_over(
    database: Database,
    webhook: WebhookReceiver,
    slack: SlackReceiver,
    mail_server: MailServer,
    hook: Channel,
    chat: Channel,
    post: Channel,
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook, "chat": chat, "post": post}))
    for _ in range(3):
        await alerts.take(expiry_event(ONE), expiry_event(ONE))
        await alerts.deliver()
    assert len(webhook.posted) == len(slack.posted) == len(mail_server.mails) == 1
    for _ in range(3):
        await alerts.take(renewal_event(ONE))
        await alerts.deliver()
    await alerts.take(expiry_event(ONE))  # comes again, after the end
    await alerts.deliver()
    assert [each["type"] for each in webhook.events] == [
        "newel.alert.opened.v1",
        "newel.alert.resolved.v1",
    ]
    texts = [each["text"] for each in slack.messages]
    assert texts == [
        "⚠ Certificate of a.example is about to expire",
        "✓ Resolved: a.example has a new certificate",
    ]
    opened, resolved = mail_server.mails
    assert resolved["In-Reply-To"] == opened["Message-ID"]
    assert webhook.complaints == slack.complaints == []
    await alerts.close()


async def test_nobody_is_told_of_the_end_who_was_not_told_of_the_beginning(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE), renewal_event(ONE))
    await alerts.deliver()
    assert webhook.posted == []
    assert await alerts.states() == {"opened hook": "cancelled"}


async def test_who_may_have_been_told_is_told_of_the_end_and_not_of_the_beginning_again(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    webhook.replies = [Reply(status=503)]
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    await alerts.take(renewal_event(ONE))
    alerts.clock.advance(dt.timedelta(hours=1))
    await alerts.deliver()
    assert [each.headers["idempotency-key"] for each in webhook.posted] == [
        "expiring-0101.opened.hook",
        "expiring-0101.resolved.hook",
    ]
    await alerts.close()


async def test_a_renewal_that_overtakes_the_warning_silences_it(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(renewal_event(ONE))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    assert webhook.posted == []


async def test_a_revocation_resolves_too(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    await alerts.take(renewal_event(ONE, serial=b""))
    await alerts.deliver()
    data = webhook.events[-1]["data"]
    assert data["title"] == "Resolved: certificate of a.example was revoked"
    assert data["successor"] is None
    await alerts.close()


async def test_failures_are_tried_again_with_back_off_and_then_another_channel_is_told(
    database: Database,
    webhook: WebhookReceiver,
    slack: SlackReceiver,
    hook: Channel,
    chat: Channel,
) -> None:
    webhook.replies = [Reply(status=500)] * 3
    config = Config(
        channels={"hook": hook, "chat": chat},
        rules=(Rule(channels=("hook",), fallback="chat"),),
        retry=Retry(attempts=3, first=dt.timedelta(seconds=10)),
    )
    alerts = Alerts(database, config)
    await alerts.take(expiry_event(ONE))
    waits: list[float] = []
    for _ in range(3):
        await alerts.deliver()
        ((next_at,),) = await alerts.rows("SELECT next_at FROM deliveries WHERE channel = 'hook'")
        waits.append(next_at / 1000 - alerts.clock.unix())
        await alerts.deliver()  # too early: nothing happens
        alerts.clock.advance(dt.timedelta(seconds=20))
    assert len(webhook.posted) == 3
    assert len({each.body for each in webhook.posted}) == 1
    assert 5 <= waits[0] <= 10
    assert 10 <= waits[1] <= 20
    await alerts.deliver()
    assert await alerts.states() == {"opened hook": "failed", "opened chat": "delivered"}
    assert alerts.audit.outcomes("alerting.delivery") == [
        "postponed",
        "postponed",
        "failed",
        "delivered",
    ]
    await alerts.take(renewal_event(ONE))
    await alerts.deliver()
    assert len(webhook.posted) == 3, "it was never told"
    assert len(slack.posted) == 2
    await alerts.close()


async def test_what_can_not_succeed_goes_to_the_second_channel_at_once(
    database: Database,
    webhook: WebhookReceiver,
    slack: SlackReceiver,
    hook: Channel,
    chat: Channel,
) -> None:
    webhook.replies = [Reply(status=410)]
    rules = (Rule(channels=("hook",), fallback="chat"),)
    alerts = Alerts(database, Config(channels={"hook": hook, "chat": chat}, rules=rules))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver("hook")
    await alerts.deliver("chat")
    assert len(slack.posted) == 1
    await alerts.close()


async def test_a_fault_of_a_channel_is_a_failure_like_others_and_ends(
    database: Database, slack: SlackReceiver, hook: Channel, chat: Channel
) -> None:
    class Faulty:
        async def send(self, message: Message) -> None:
            raise RuntimeError(message.key)

        async def close(self) -> None:
            """Nothing is open."""

    rules = (Rule(channels=("hook",), fallback="chat"),)
    retry = Retry(attempts=2)
    config = Config(channels={"hook": hook, "chat": chat}, rules=rules, retry=retry)
    alerts = Alerts(database, config)
    alerts.channels["hook"] = Faulty()
    await alerts.take(expiry_event(ONE), expiry_event(TWO))
    for _ in range(2):
        await alerts.deliver()
        alerts.clock.advance(dt.timedelta(minutes=1))
    await alerts.deliver()
    assert len(slack.posted) == 2
    errors = await alerts.rows("SELECT error FROM deliveries WHERE channel = 'hook'")
    assert errors == [("internal: RuntimeError",)] * 2
    await alerts.close()


async def test_a_receiver_that_asks_for_time_gets_it(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    webhook.replies = [Reply(status=429, headers={"Retry-After": "60"})]
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    alerts.clock.advance(dt.timedelta(seconds=59))
    await alerts.deliver()
    assert len(webhook.posted) == 1
    alerts.clock.advance(dt.timedelta(seconds=2))
    await alerts.deliver()
    assert len(webhook.posted) == 2
    await alerts.close()


async def test_many_workers_send_each_message_once(
    database: Database, database_url: str, webhook: WebhookReceiver, hook: Channel
) -> None:
    config = Config(channels={"hook": hook})
    first = Alerts(database, config)
    others = [await open_database(database_url) for _ in range(3)]
    workers = [first, *(Alerts(each, config, clock=first.clock) for each in others)]
    events = [expiry_event(bytes((1, number))) for number in range(12)]
    await asyncio.gather(*(worker.take(*events) for worker in workers))
    await asyncio.gather(*(worker.deliver() for worker in workers))
    keys = [each.headers["idempotency-key"] for each in webhook.posted]
    assert len(keys) == len(set(keys)) == 12
    for worker in workers:
        await worker.close()
    for each in others:
        await each.close()


async def test_a_claim_of_a_worker_that_died_is_taken_over_with_the_same_key(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    now = alerts.clock.unix()
    (claimed,) = await alerts.deliveries.find_due("hook", now, now + 3600, 16)
    assert await alerts.deliveries.claim(claimed, now, now + 300)  # and then it died
    await alerts.deliver()
    assert webhook.posted == []
    alerts.clock.advance(dt.timedelta(seconds=301))
    await alerts.deliver()
    assert [each.headers["idempotency-key"] for each in webhook.posted] == [claimed.key]
    await alerts.close()


async def test_a_claim_made_while_the_clock_ran_ahead_is_void(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    ahead = alerts.clock.unix() + 86400
    (claimed,) = await alerts.deliveries.find_due("hook", ahead, ahead + 3600, 16)
    assert await alerts.deliveries.claim(claimed, ahead, ahead + 300)
    await alerts.deliver()
    assert [each.headers["idempotency-key"] for each in webhook.posted] == [claimed.key]
    await alerts.close()


async def test_rules_choose_by_provisioner_subject_and_severity(
    database: Database, hook: Channel, chat: Channel
) -> None:
    rules = (
        Rule(channels=("hook",), subjects=("*.PROD.example",)),
        Rule(channels=("chat",), provisioners=("people",), severities=(Severity.CRITICAL,)),
        Rule(channels=("chat", "hook"), subjects=("both.example",)),
    )
    alerts = Alerts(database, Config(channels={"hook": hook, "chat": chat}, rules=rules))
    await alerts.take(
        expiry_event(b"\x01", "web.prod.example"),
        expiry_event(b"\x02", "web.test.example"),
        expiry_event(b"\x03", "ada", provisioner="people", expired=True),
        expiry_event(b"\x04", "bob", provisioner="people"),
        expiry_event(b"\x05", "BOTH.example"),
    )
    told = await alerts.rows("SELECT notice, channel FROM deliveries ORDER BY notice, channel")
    assert told == [
        ("expiring-01", "hook"),
        ("expiring-03", "chat"),
        ("expiring-05", "chat"),
        ("expiring-05", "hook"),
    ]


async def test_unreadable_events_are_passed_over(database: Database, hook: Channel) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(make_event(subjects.ENDPOINT_EXPIRING, b"\xff"), expiry_event(ONE))
    assert await alerts.rows("SELECT id FROM notices") == [("expiring-0101",)]
    assert alerts.registry.get_sample_value("newel_alerting_unreadable_total") == 1


async def test_housekeeping_counts_forgets_and_ends_what_waits_for_channels_that_are_gone(
    database: Database, webhook: WebhookReceiver, hook: Channel, chat: Channel
) -> None:
    before = Alerts(database, Config(channels={"hook": hook, "chat": chat}))
    await before.take(expiry_event(ONE), expiry_event(TWO))
    await before.deliver("hook")
    alerts = Alerts(database, Config(channels={"hook": hook}), clock=before.clock)
    harness = Maintenance(
        alerts.storage,
        alerts.silences,
        CRLStorage(database),
        alerts.config,
        alerts.clock,
        alerts.audit,
        alerts.metrics,
    )
    await harness.start()
    assert alerts.audit.lines[-1][2] == {"channel": "chat"}
    assert set((await alerts.states()).values()) == {"delivered", "failed"}
    await alerts.take(renewal_event(ONE))
    alerts.clock.advance(dt.timedelta(seconds=40))
    await harness.count()
    value = alerts.registry.get_sample_value
    assert value("newel_alerting_open_notices") == 1
    assert value("newel_alerting_waiting_seconds", {"channel": "hook"}) == 40
    alerts.clock.advance(dt.timedelta(days=91))
    await harness.sweep()
    assert await alerts.rows("SELECT id FROM notices") == [("expiring-0102",)]
    alerts.clock.advance(dt.timedelta(days=300))
    await harness.sweep()
    assert await alerts.rows("SELECT resolved_at IS NULL FROM notices") == [(False,)]
    alerts.clock.advance(dt.timedelta(days=91))
    await harness.sweep()
    for table in ("notices", "deliveries", "digests"):
        assert await alerts.rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - a constant
    await before.close()
