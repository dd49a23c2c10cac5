"""Alerts over HTTPS: for administrators, and for no one else."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.http_receiver import HttpReceiver, Reply
from fakes.webhook import WebhookReceiver
from fixtures.alerting import Alerts, expiry_event, renewal_event
from fixtures.alerting_http import ADA, connect_administrator
from newel.alerting.config import Alertmanager, Config, Webhook
from newel.runtime.database.contract import Database


@pytest.fixture
async def three(database: Database) -> Alerts:
    """Alerts 01, 02 and 03, a minute apart; the second is over."""
    alerts = Alerts(database, Config())
    minute = dt.timedelta(minutes=1)
    for number, subject in enumerate(("a.example", "b.example", "c%.example"), 1):
        await alerts.take(expiry_event(bytes([number]), subject, expired=number == 3))
        alerts.clock.advance(minute)
    await alerts.take(
        renewal_event(b"\x02"), renewal_event(b"\x77")
    )  # 77: over before it was opened
    return alerts


@pytest.mark.attack("P05")
@pytest.mark.parametrize(
    ("der", "inventory", "status"),
    [(None, True, 401), (b"bob's", True, 403), (ADA, False, 500)],
    ids=["no certificate", "another's", "no inventory"],
)
async def test_only_an_administrator_reads_alerts(
    three: Alerts, der: bytes | None, inventory: bool, status: int
) -> None:
    async with connect_administrator(three, der, inventory=inventory) as http:
        for path in ("/alerts", "/alerts/expiring-01", "/alerts/openapi.json"):
            answer = await http.get(path)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert "bob" not in answer.text
    assert {(each[0], each[1]) for each in three.audit.lines[-2:]} == {("alerting.http", "refused")}


async def test_an_administrator_is_let_in_and_it_is_written_down(three: Alerts) -> None:
    async with connect_administrator(three) as http:
        assert (await http.get("/alerts")).status_code == 200
    action, outcome, facts = three.audit.lines[-1]
    assert (action, outcome) == ("alerting.http", "granted")
    assert facts == {"request": "GET /alerts", "subject": "ada", "serial": "0a"}


@pytest.mark.parametrize(
    ("params", "serials"),
    [
        ({}, ["03", "02", "01"]),
        ({"sort": "opened"}, ["01", "02", "03"]),
        ({"sort": "expires", "limit": "1000"}, ["01", "02", "03"]),
        ({"state": "open"}, ["03", "01"]),
        ({"state": "resolved"}, ["02"]),
        ({"severity": "critical"}, ["03"]),
        ({"endpoint": "c-01"}, ["01"]),
        ({"serial": "0:0:02"}, ["02"]),
        ({"subject": "b.example", "provisioner": "admin"}, ["02"]),
        ({"search": "C%"}, ["03"]),
        ({"search": "dns:a"}, ["01"]),
        ({"opened_after": "2026-11-21T12:01:00Z"}, ["03", "02"]),
        ({"opened_before": "2026-11-21T12:01:00Z", "state": "open"}, ["01"]),
    ],
)
async def test_a_list_is_filtered_sorted_and_paged(
    three: Alerts, params: dict[str, str], serials: list[str]
) -> None:
    async with connect_administrator(three) as http:
        found = (await http.get("/alerts", params=params)).json()
        assert [each["serial"] for each in found["alerts"]] == serials
        paged: list[str] = []
        asked: dict[str, str] | None = {**params, "limit": "1"}
        while asked:
            page = (await http.get("/alerts", params=asked)).raise_for_status().json()
            paged += [each["serial"] for each in page["alerts"]]
            asked = {**asked, "cursor": page["next"]} if page["next"] else None
    assert paged == serials


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"state": "late"}, "state"),
        ({"sort": "issued"}, "sort"),
        ({"since": "yesterday"}, "since"),
        ({"opened_after": "yesterday"}, "opened_after"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
async def test_what_cannot_be_asked_is_named(
    three: Alerts, params: dict[str, str], named: str
) -> None:
    async with connect_administrator(three) as http:
        answer = await http.get("/alerts", params=params)
    assert answer.status_code == 400
    assert f"'{named}'" in answer.json()["detail"]


async def test_one_alert_shows_what_became_of_each_delivery(
    database: Database, webhook: WebhookReceiver, secret_file: Callable[..., Path]
) -> None:
    webhook.replies = [Reply(status=503)]
    hook = Webhook(kind="webhook", url=webhook.url("/hook"), secret_file=secret_file())
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(b"\x01"))
    await alerts.deliver()
    async with connect_administrator(alerts) as http:
        shown = (await http.get("/alerts/expiring-01")).json()
        (listed,) = (await http.get("/alerts")).json()["alerts"]
        (postponed,) = shown.pop("deliveries")
        assert shown == listed
        assert (shown["state"], shown["names"]) == ("open", ["dns:a.example"])
        assert postponed.pop("next_attempt_at") > postponed["attempted_at"]
        assert "503" in postponed.pop("error")
        assert postponed == {
            "key": "expiring-01.opened.hook", "alert": "expiring-01",
            "channel": "hook", "phase": "opened", "state": "pending", "attempts": 1,
            "attempted_at": "2026-11-21T12:00:00Z", "fallback": None, "silence": None,
            "group": None,
        }  # fmt: skip # a table
        alerts.clock.advance(dt.timedelta(hours=1))
        await alerts.deliver()
        await alerts.take(renewal_event(b"\x01"))
        await alerts.deliver()
        shown = (await http.get("/alerts/expiring-01")).json()
        assert (shown["state"], shown["successor"]) == ("resolved", "99")
        assert [
            (each["phase"], each["state"], each["attempts"]) for each in shown["deliveries"]
        ] == [
            ("opened", "delivered", 2),
            ("resolved", "delivered", 1),
        ]
        assert {each["next_attempt_at"] for each in shown["deliveries"]} == {None}
        assert (await http.get("/alerts/expiring-77")).status_code == 404
    await alerts.close()


async def test_a_channel_is_tried_and_the_answer_says_what_the_receiver_said(
    database: Database, webhook: WebhookReceiver, secret_file: Callable[..., Path]
) -> None:
    hook = Webhook(kind="webhook", url=webhook.url("/hook"), secret_file=secret_file())
    alerts = Alerts(database, Config(channels={"hook": hook}))
    async with connect_administrator(alerts, role="operator") as http:
        assert (await http.get("/alerts/channels")).json() == {
            "channels": [{"name": "hook", "kind": "webhook"}]
        }
        good = (await http.post("/alerts/channels/hook/test")).json()
        assert good == {"channel": "hook", "delivered": True, "error": None}
        titles = [event["data"]["title"] for event in webhook.events]
        assert titles == [
            "Test of channel hook: nothing is wrong",
            "Resolved: test of channel hook",
        ]
        webhook.replies = [Reply(status=503)]
        bad = (await http.post("/alerts/channels/hook/test")).json()
        assert bad == {"channel": "hook", "delivered": False, "error": "the receiver answered 503"}
        assert await alerts.states() == {}
        unknown = await http.post("/alerts/channels/hock/test")
        assert (unknown.status_code, "hook" in unknown.json()["detail"]) == (404, True)
    tried = [(facts["channel"], outcome) for action, outcome, facts in alerts.audit.lines
             if action == "alerting.test"]  # fmt: skip # one condition
    assert tried == [("hook", "delivered"), ("hook", "failed")]


async def test_a_test_is_open_until_what_resolves_it(database: Database) -> None:
    with HttpReceiver() as receiver:
        config = Alertmanager(kind="alertmanager", url=receiver.url(""))
        alerts = Alerts(database, Config(channels={"pager": config}))
        async with connect_administrator(alerts, role="operator") as http:
            assert (await http.post("/alerts/channels/pager/test")).json()["delivered"]
        ((opened,), (resolved,)) = [json.loads(each.body) for each in receiver.posted]
    await alerts.close()
    assert opened["startsAt"] < opened["endsAt"]
    assert resolved["startsAt"] == resolved["endsAt"]
    assert opened["labels"] == resolved["labels"]


async def test_a_viewer_tries_no_channel(three: Alerts) -> None:
    async with connect_administrator(three) as http:
        assert (await http.post("/alerts/channels/hook/test")).status_code == 403
