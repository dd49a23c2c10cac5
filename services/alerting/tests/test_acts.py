"""Alerts are acknowledged, silenced until an end, and escalated while no one answers."""

import asyncio
import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.http_receiver import Reply
from fakes.slack import SlackReceiver
from fakes.webhook import WebhookReceiver
from fixtures.alerting import Alerts, expiry_event, renewal_event
from fixtures.alerting_http import connect_administrator
from newel.alerting.config import Channel, Config, Escalation, Rule, Slack, Webhook
from newel.alerting.kinds import KINDS
from newel.alerting.notices import Acknowledgement
from newel.runtime.config import ConfigError, validate
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database

SecretFile = Callable[..., Path]
ONE, TWO = b"\x01", b"\x02"
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@pytest.fixture
def hook(webhook: WebhookReceiver, secret_file: SecretFile) -> Channel:
    return Webhook(kind="webhook", url=webhook.url("/hook"), secret_file=secret_file())


@pytest.fixture
def two_steps(hook: Channel) -> Config:
    """The first channel at once, the second ten minutes later."""
    escalations = (Escalation(after=10 * MINUTE, channels=("boss",)),)
    rules = (Rule(channels=("desk",), escalations=escalations),)
    return Config(channels={"desk": hook, "boss": hook}, rules=rules)


def silence_body(alerts: Alerts, hours: float = 1, **fields: Any) -> dict[str, Any]:
    end = (alerts.clock.now() + hours * HOUR).isoformat()
    return {"subject": "*.example", "ends_at": end, "reason": "we know", **fields}


async def make_silence(alerts: Alerts, hours: float = 1, **fields: Any) -> dict[str, Any]:
    async with connect_administrator(alerts, role="operator") as http:
        body = silence_body(alerts, hours, **fields)
        answer = await http.post("/alerts/silences", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


async def read_alert(alerts: Alerts, notice: str = "expiring-01") -> dict[str, Any]:
    async with connect_administrator(alerts) as http:
        return (await http.get(f"/alerts/{notice}")).json()


def read_acknowledgement(alert: dict[str, Any]) -> tuple[str, str, str]:
    return alert["acknowledged_by"], alert["acknowledged_at"], alert["note"]


async def test_an_acknowledgement_says_who_and_when_and_ends_the_escalation(
    database: Database, webhook: WebhookReceiver, two_steps: Config
) -> None:
    alerts = Alerts(database, two_steps)
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    assert await alerts.states() == {"opened desk": "delivered", "escalated boss": "planned"}
    async with connect_administrator(alerts, role="operator") as http:
        path = "/alerts/expiring-01/acknowledge"
        shown = (await http.post(path, json={"note": "looking"})).json()
        known = ("ada", "2026-11-21T12:00:00Z", "looking")
        assert read_acknowledgement(shown) == known
        alerts.clock.advance(MINUTE)
        again = (await http.post(path, json={"note": "me too"})).json()
        assert read_acknowledgement(again) == known, "the first one stands"
        for answer, serials in (("yes", ["01"]), ("no", [])):
            page = (await http.get("/alerts", params={"acknowledged": answer})).json()
            assert [each["serial"] for each in page["alerts"]] == serials
        alerts.clock.advance(HOUR)
        await alerts.deliver()
        assert await alerts.states() == {"opened desk": "delivered", "escalated boss": "cancelled"}
        assert len(webhook.posted) == 1
        await alerts.take(renewal_event(ONE))
        late = await http.post(path, json={})
        assert read_acknowledgement(late.json()) == known
        missing = await http.post("/alerts/expiring-77/acknowledge", json={})
        assert missing.status_code == 404
    assert alerts.audit.outcomes("alerting.acknowledge") == [
        "granted", "unchanged", "unchanged", "refused",
    ]  # fmt: skip # words in rows
    await alerts.close()


async def test_a_resolved_alert_cannot_be_acknowledged(database: Database) -> None:
    alerts = Alerts(database, Config())
    await alerts.take(expiry_event(ONE), renewal_event(ONE))
    async with connect_administrator(alerts, role="operator") as http:
        answer = await http.post("/alerts/expiring-01/acknowledge", json={})
    assert answer.status_code == 409
    assert "nothing to acknowledge" in answer.json()["detail"]


async def test_what_no_one_acknowledges_is_told_to_the_next_and_resolved_for_both(
    database: Database, webhook: WebhookReceiver, two_steps: Config
) -> None:
    alerts = Alerts(database, two_steps)
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    alerts.clock.advance(9 * MINUTE)
    await alerts.deliver()
    assert len(webhook.posted) == 1
    after = Alerts(database, two_steps, clock=alerts.clock)  # as after a restart
    after.clock.advance(MINUTE)
    await after.deliver()
    await after.deliver()
    first, second = webhook.events
    assert first["data"]["title"] == "Certificate of a.example is about to expire"
    assert second["type"] == "newel.alert.escalated.v1"
    assert second["data"]["title"] == (
        "Not acknowledged: Certificate of a.example is about to expire"
    )
    await after.take(renewal_event(ONE))
    await after.deliver()
    assert await after.states() == {
        "opened desk": "delivered", "escalated boss": "delivered",
        "resolved desk": "delivered", "resolved boss": "delivered",
    }  # fmt: skip # a table
    await alerts.close()
    await after.close()


async def test_a_silence_holds_back_what_matches_and_lets_it_out_at_its_end(
    database: Database, webhook: WebhookReceiver, two_steps: Config
) -> None:
    alerts = Alerts(database, two_steps)
    silence = await make_silence(alerts, subject="A.*")
    await alerts.take(expiry_event(ONE), expiry_event(TWO, "b.example"))
    for _ in range(3):
        await alerts.deliver()
        alerts.clock.advance(15 * MINUTE)
    titles = [each["data"]["title"] for each in webhook.events]
    assert [("b.example" in title) for title in titles] == [True, True]
    shown = await read_alert(alerts)
    assert shown["silence"] == silence["id"]
    assert shown["silenced_until"] == silence["ends_at"]
    assert [(each["state"], each["attempts"]) for each in shown["deliveries"]] == [
        ("silenced", 0),
        ("silenced", 0),
    ]
    after = Alerts(database, two_steps, clock=alerts.clock)  # as after a restart
    await after.deliver()
    assert len(webhook.posted) == 2
    after.clock.advance(15 * MINUTE)
    await after.deliver()
    assert webhook.events[-1]["id"] == "expiring-01.opened.desk"
    assert len(webhook.posted) == 3, "who is told next is told later, not at the end of the silence"
    after.clock.advance(10 * MINUTE)
    await after.deliver()
    assert webhook.events[-1]["id"] == "expiring-01.escalated.boss"
    assert alerts.audit.outcomes("alerting.silence") == ["granted"]
    await alerts.close()
    await after.close()


async def test_a_silence_that_a_person_ends_lets_out_what_it_held(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    silence = await make_silence(alerts, kind="expiring", severity="warning")
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    async with connect_administrator(alerts, role="operator") as http:
        path = f"/alerts/silences/{silence['id']}/end"
        ended = (await http.post(path)).json()
        assert (ended["state"], ended["ended_by"]) == ("over", "ada")
        assert (await http.post(path)).status_code == 409
        assert (await http.post("/alerts/silences/none/end")).status_code == 404
        listed = (await http.get("/alerts/silences", params={"state": "over"})).json()
        assert [each["id"] for each in listed["silences"]] == [silence["id"]]
        assert (await http.get("/alerts/silences?state=active")).json()["silences"] == []
    await alerts.deliver()
    assert len(webhook.posted) == 1
    assert alerts.audit.outcomes("alerting.silence.end") == ["granted", "refused", "refused"]
    await alerts.close()


async def test_what_is_over_during_a_silence_was_never_told(
    database: Database, webhook: WebhookReceiver, two_steps: Config
) -> None:
    alerts = Alerts(database, two_steps)
    await make_silence(alerts)
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    await alerts.take(renewal_event(ONE))
    alerts.clock.advance(2 * HOUR)
    await alerts.deliver()
    assert webhook.posted == []
    assert set((await alerts.states()).values()) == {"cancelled"}


async def test_who_was_told_before_a_silence_is_told_of_the_end_during_it(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    await make_silence(alerts)
    await alerts.take(renewal_event(ONE))
    await alerts.deliver()
    assert webhook.events[-1]["type"] == "newel.alert.resolved.v1"
    await alerts.close()


async def test_a_maintenance_window_begins_later(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    alerts = Alerts(database, Config(channels={"hook": hook}))
    start = (alerts.clock.now() + HOUR).isoformat()
    window = await make_silence(alerts, 2, starts_at=start)
    assert window["state"] == "planned"
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    alerts.clock.advance(HOUR)
    await alerts.take(expiry_event(TWO))
    await alerts.deliver()
    assert [each["subject"] for each in webhook.events] == ["c-01"]
    alerts.clock.advance(HOUR)
    await alerts.deliver()
    assert [each["subject"] for each in webhook.events] == ["c-01", "c-02"]
    await alerts.close()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ends_at": None}, "ends_at"),
        ({"ends_at": "2026-11-21T12:00:00"}, "ends_at: a time with its zone"),
        ({"ends_at": "2026-11-21T11:59:59Z"}, "must end after it begins"),
        ({"ends_at": "2027-11-21T12:00:00Z"}, "at most 30 days"),
        (
            {"starts_at": "2028-11-21T12:00:00Z", "ends_at": "2028-11-21T13:00:00Z"},
            "may begin at most",
        ),
        ({"subjct": "a"}, "subjct: unknown setting; did you mean 'subject'?"),
        ({"severity": "bad"}, "severity"),
        ({"kind": "expring"}, "kind: no kind of alert; there are blocked-key, compromised"),
        ({"subject": "a" * 257}, "subject"),
        ({"owner": "a\nb"}, "owner: one line"),
        ({"reason": 5}, "reason"),
    ],
)
@pytest.mark.attack("P05")
async def test_a_silence_that_cannot_be_is_refused_with_what_is_wrong(
    database: Database, fields: dict[str, Any], said: str
) -> None:
    alerts = Alerts(database, Config())
    async with connect_administrator(alerts, role="operator") as http:
        answer = await http.post("/alerts/silences", json=silence_body(alerts, **fields))
        assert answer.status_code == 400
        assert said in answer.json()["detail"]
        assert (await http.get("/alerts/silences")).json()["silences"] == []
    assert alerts.audit.outcomes("alerting.silence") == ["refused"]


async def test_a_silence_says_which_alerts_and_is_json(database: Database) -> None:
    alerts = Alerts(database, Config())
    body = silence_body(alerts)
    del body["subject"]
    async with connect_administrator(alerts, role="operator") as http:
        everything = await http.post("/alerts/silences", json=body)
        assert 'kind "*" is all of them' in everything.json()["detail"]
        assert (await http.post("/alerts/silences", json=body | {"kind": "*"})).status_code == 201
        endless = {"subject": "*"}
        assert (
            "ends_at: missing"
            in (await http.post("/alerts/silences", json=endless)).json()["detail"]
        )
        form = await http.post("/alerts/silences", data={"subject": "*"})
        assert form.status_code == 415
        for text in ("[]", "{", '"x"'):
            headers = {"content-type": "application/json"}
            answer = await http.post("/alerts/silences", content=text, headers=headers)
            assert answer.status_code == 400


async def test_a_viewer_reads_silences_and_acts_on_nothing(database: Database) -> None:
    alerts = Alerts(database, Config())
    await alerts.take(expiry_event(ONE))
    async with connect_administrator(alerts, role="viewer") as http:
        assert (await http.get("/alerts/silences")).status_code == 200
        for path in ("silences", "silences/x/end", "expiring-01/acknowledge"):
            answer = await http.post(f"/alerts/{path}", json=silence_body(alerts))
            assert answer.status_code == 403
            assert "needs the role operator" in answer.json()["detail"]
        assert (await read_alert(alerts))["acknowledged_by"] is None
        described = (await http.get("/alerts/openapi.json")).json()
    schema = described["paths"]["/alerts/silences"]["post"]["requestBody"]["content"]
    assert "ends_at" in schema["application/json"]["schema"]["required"]


async def test_of_many_who_acknowledge_at_once_one_is_written_down(
    database: Database, database_url: str
) -> None:
    alerts = Alerts(database, Config())
    await alerts.take(expiry_event(ONE))
    others = [await open_database(database_url) for _ in range(3)]
    workers = [alerts, *(Alerts(each, Config(), clock=alerts.clock) for each in others)]
    now = alerts.clock.now()
    done = await asyncio.gather(
        *(
            worker.storage.acknowledge("expiring-01", Acknowledgement(f"n{at}", now, ""))
            for at, worker in enumerate(workers)
        )
    )
    assert sorted(done) == [False, False, False, True]
    shown = await read_alert(alerts)
    assert shown["acknowledged_by"] == f"n{done.index(True)}"
    for each in others:
        await each.close()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"kinds": ["expirng"]}, "did you mean 'expiring'?"),
        ({"escalations": [{"after": 60, "channels": ["none"]}]}, "'none', which is not configured"),
        ({"escalations": [{"after": 60, "channels": ["a"]}] * 2}, "same channel twice"),
        ({"escalations": [{"after": 0, "channels": ["a"]}]}, "after"),
        ({"escalations": [{"channels": ["a"]}]}, "after: missing"),
    ],
)
def test_a_rule_that_can_never_work_is_refused(rule: dict[str, Any], said: str) -> None:
    channel = {"kind": "alertmanager", "url": "http://a"}
    plain = {"channels": {"a": channel}, "rules": [{"channels": ["a"], **rule}]}
    with pytest.raises(ConfigError, match=said):
        validate(Config, plain, "alerting.toml")


def test_every_kind_has_a_section_that_says_what_to_do() -> None:
    page = (Path(__file__).parents[3] / "docs/alerts.md").read_text()
    sections = set(re.findall(r"^## (\S+)$", page, re.MULTILINE))
    assert sections == set(KINDS)
    assert all(kind.advice.endswith(".") and len(kind.advice) < 200 for kind in KINDS.values())


async def test_a_message_says_what_to_do_until_it_is_over(
    database: Database, slack: SlackReceiver, secret_file: SecretFile
) -> None:
    chat = Slack(kind="slack", url_file=secret_file(slack.url("/services/T0/B0/x")))
    alerts = Alerts(database, Config(channels={"chat": chat}))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    await alerts.take(renewal_event(ONE))
    await alerts.deliver()
    opened, resolved = (json.dumps(each) for each in slack.messages)
    assert "What to do" in opened
    assert KINDS["expiring"].advice in opened
    assert "What to do" not in resolved
    await alerts.close()


async def test_a_rule_chooses_by_kind_and_owner(database: Database, hook: Channel) -> None:
    rules = (
        Rule(channels=("desk",), kinds=("exp*",), owners=("",)),
        Rule(channels=("boss",), owners=("?*",)),
    )
    alerts = Alerts(database, Config(channels={"desk": hook, "boss": hook}, rules=rules))
    await alerts.take(expiry_event(ONE))
    assert await alerts.states() == {"opened desk": "pending"}


async def test_what_failed_for_good_is_sent_again_by_hand(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    webhook.replies = [Reply(status=410)]
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE), expiry_event(TWO))
    await alerts.deliver()
    async with connect_administrator(alerts, role="operator") as http:
        failed = (await http.get("/alerts/deliveries?state=failed")).json()["deliveries"]
        ((key, notice),) = [(each["key"], each["alert"]) for each in failed]
        everything = (await http.get("/alerts/deliveries?channel=hook")).json()["deliveries"]
        assert len(everything) == 2
        queued = (await http.post(f"/alerts/deliveries/{key}/retry")).json()
        assert (queued["state"], queued["attempts"], queued["error"]) == ("pending", 0, None)
        await alerts.deliver()
        assert len(webhook.posted) == 3
        one = (await http.get(f"/alerts/deliveries?alert={notice}")).json()["deliveries"]
        assert [each["state"] for each in one] == ["delivered"]
        again = await http.post(f"/alerts/deliveries/{key}/retry")
        assert (again.status_code, "delivered" in again.json()["detail"]) == (409, True)
        assert (await http.post("/alerts/deliveries/none/retry")).status_code == 404
    async with connect_administrator(alerts, role="viewer") as http:
        assert (await http.post(f"/alerts/deliveries/{key}/retry")).status_code == 403
    assert alerts.audit.outcomes("alerting.retry") == ["granted", "refused", "refused"]
    await alerts.close()


async def test_what_can_not_be_sent_any_more_is_not_tried_again(
    database: Database, webhook: WebhookReceiver, hook: Channel
) -> None:
    webhook.replies = [Reply(status=410)]
    alerts = Alerts(database, Config(channels={"hook": hook}))
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    await alerts.take(renewal_event(ONE))
    path = "/alerts/deliveries/expiring-01.opened.hook/retry"
    async with connect_administrator(alerts, role="operator") as http:
        assert "The alert is resolved" in (await http.post(path)).json()["detail"]
    gone = Alerts(database, Config(), clock=alerts.clock)
    async with connect_administrator(gone, role="operator") as http:
        assert "'hook' is no longer configured" in (await http.post(path)).json()["detail"]
    await alerts.close()


async def test_an_escalation_that_failed_is_not_tried_again_once_someone_looks_after_the_alert(
    database: Database, webhook: WebhookReceiver, two_steps: Config
) -> None:
    alerts = Alerts(database, two_steps)
    await alerts.take(expiry_event(ONE))
    await alerts.deliver()
    alerts.clock.advance(10 * MINUTE)
    webhook.replies = [Reply(status=410)]
    await alerts.deliver()
    assert (await alerts.states())["escalated boss"] == "failed"
    path = "/alerts/deliveries/expiring-01.escalated.boss/retry"
    async with connect_administrator(alerts, role="operator") as http:
        assert (await http.post("/alerts/expiring-01/acknowledge", json={})).status_code == 200
        refused = await http.post(path)
    assert refused.status_code == 409
    assert "The alert is acknowledged" in refused.json()["detail"]
    await alerts.deliver()
    assert len(webhook.posted) == 2
    await alerts.close()
