"""Receivers that are services of others: each takes what its reference states, and refuses the rest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as StandardWebhook

from fakes.http_receiver import HttpReceiver, ReceivedPost, Reply
from fixtures.alert_messages import HOSTILE, message, send
from newel.alerting.channels import webhook
from newel.alerting.config import Channel as ChannelConfig
from newel.alerting.config import Config, Opsgenie, PagerDuty, Teams, Webhook
from newel.alerting.delivery import DeliveryError
from newel.alerting.notices import Phase
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, validate

SecretFile = Callable[..., Path]


def pagerduty_refusal(posted: ReceivedPost) -> str:
    event = json.loads(posted.body)
    if posted.path != "/v2/enqueue" or event["routing_key"] != "R0UTE":
        return "no integration"
    if event["event_action"] == "resolve":
        return "" if event["dedup_key"] else "dedup_key is missing"
    payload = event["payload"]
    if event["event_action"] != "trigger" or payload["severity"] not in {
        "critical", "error", "warning", "info",
    }:  # fmt: skip # a list of words
        return "event_action or severity"
    sizes = len(payload["summary"]) <= 1024 and len(event["dedup_key"]) <= 255
    return "" if payload["source"] and sizes else "sizes"


def opsgenie_refusal(posted: ReceivedPost) -> str:
    content = json.loads(posted.body)
    if posted.headers["authorization"] != "GenieKey K3Y":
        return "Could not authenticate"
    if posted.path == "/v2/alerts":
        good = len(content["message"]) <= 130 and len(content["alias"]) <= 512
        return "" if good and content["priority"] in {"P1", "P2", "P3", "P4", "P5"} else "sizes"
    alias = posted.path.removeprefix("/v2/alerts/").partition("/")[0]
    expected = f"/v2/alerts/{alias}/close?identifierType=alias"
    return "" if posted.path == expected else "no such path"


def teams_refusal(posted: ReceivedPost) -> str:
    (attachment,) = json.loads(posted.body)["attachments"]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        return "no card"
    card = attachment["content"]
    is_card = card["type"] == "AdaptiveCard" and card["version"] == "1.4" and card["body"]
    return "" if is_card and len(posted.body) < 28 * 1024 else "card"


KINDS = {
    "pagerduty": pagerduty_refusal,
    "opsgenie": opsgenie_refusal,
    "teams": teams_refusal,
}


class DocumentedReceiver(HttpReceiver):
    """Answers 202, as all three do."""

    def __init__(self, kind: str) -> None:
        super().__init__(*[Reply(202)] * 4)
        self._refusal = KINDS[kind]

    def check(self, posted: ReceivedPost) -> str:
        return self._refusal(posted)


def configure(kind: str, receiver: HttpReceiver, secret_file: SecretFile) -> ChannelConfig:
    if kind == "pagerduty":
        key = secret_file("R0UTE")
        return PagerDuty(kind="pagerduty", routing_key_file=key, url=receiver.url(""))
    if kind == "opsgenie":
        return Opsgenie(kind="opsgenie", api_key_file=secret_file("K3Y"), url=receiver.url("/"))
    return Teams(kind="teams", url_file=secret_file(receiver.url("/workflows/1?sig=x")))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("subject", ["a.example", HOSTILE])
async def test_an_alert_is_opened_and_resolved(
    kind: str, subject: str, secret_file: SecretFile
) -> None:
    with DocumentedReceiver(kind) as receiver:
        config = configure(kind, receiver, secret_file)
        for phase in Phase:
            await send(config, message(subject, phase))
        assert receiver.complaints == []
        assert len(receiver.posted) == len(Phase)


async def test_what_resolves_an_incident_names_the_one_that_was_triggered(
    secret_file: SecretFile,
) -> None:
    with DocumentedReceiver("pagerduty") as receiver:
        for phase in Phase:
            await send(configure("pagerduty", receiver, secret_file), message(phase=phase))
        events = [json.loads(each.body) for each in receiver.posted]
    assert len({each["dedup_key"] for each in events}) == 1
    assert [each["event_action"] for each in events] == ["trigger", "trigger", "resolve"]
    with DocumentedReceiver("opsgenie") as receiver:
        for phase in Phase:
            await send(configure("opsgenie", receiver, secret_file), message(phase=phase))
        opened, escalated, closed = receiver.posted
    alias = json.loads(opened.body)["alias"]
    assert json.loads(escalated.body)["alias"] == alias
    assert alias.replace("/", "%2F") in closed.path


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
@pytest.mark.attack("P08")
async def test_a_key_that_is_refused_is_in_no_error(kind: str, secret_file: SecretFile) -> None:
    with DocumentedReceiver(kind) as receiver:
        config = configure(kind, receiver, lambda *_: secret_file("hush-hush"))
        with pytest.raises(DeliveryError, match="400") as caught:
            await send(config, message())
    assert caught.value.permanent
    assert "hush" not in repr(caught.value)


def text_blocks(card: dict[str, Any]) -> set[str]:
    kinds = {card["type"]} if "type" in card else set[str]()
    for value in card.values():
        for each in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(each, dict):
                kinds |= text_blocks(each)  # pyright: ignore[reportUnknownArgumentType]
    return kinds


@pytest.mark.attack("P05")
async def test_no_text_of_a_card_is_markdown(secret_file: SecretFile) -> None:
    with DocumentedReceiver("teams") as receiver:
        await send(configure("teams", receiver, secret_file), message(HOSTILE))
        card = json.loads(receiver.posted[0].body)
    assert "TextBlock" not in text_blocks(card)
    assert "TextRun" in text_blocks(card)


@pytest.mark.parametrize("secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "sixteen letters!!"])
async def test_the_library_of_standard_webhooks_accepts_the_signature(
    secret: str, secret_file: SecretFile
) -> None:
    with HttpReceiver() as receiver:
        config = Webhook(kind="webhook", url=receiver.url(), secret_file=secret_file(secret))
        await send(config, message())
        (posted,) = receiver.posted
    verifier = StandardWebhook(webhook.read_key(secret))
    # the time of the sender's clock stands in the header, which the library compares with its own
    build = webhook.build_request(webhook.read_key(secret), SystemClock(), message())
    assert verifier.verify(build.body.decode(), dict(build.headers)) == json.loads(posted.body)


@pytest.mark.parametrize(
    "channel",
    [
        {"kind": "pagerduty"},
        {"kind": "opsgenie", "api_key_file": "f", "url": "ftp://a"},
        {"kind": "teams", "url": "https://a"},
        {"kind": "alertmanager"},
        {"kind": "syslog", "host": "a", "transport": "relp"},
        {"kind": "syslog", "host": "a", "format": "leef"},
        {"kind": "syslog", "host": "a", "port": 0},
    ],
)
def test_what_can_never_work_is_refused(channel: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        validate(Config, {"channels": {"a": channel}}, "alerting.toml")


@pytest.mark.parametrize("text", ["two words", "two\nlines", "schlüssel"])
async def test_a_file_that_holds_no_key_is_refused(text: str, secret_file: SecretFile) -> None:
    config = PagerDuty(kind="pagerduty", routing_key_file=secret_file(text))
    with pytest.raises(ConfigError, match="does not hold a key"):
        await send(config, message())


async def test_a_webhook_secret_that_is_no_base64_is_refused(secret_file: SecretFile) -> None:
    config = Webhook(
        kind="webhook", url="https://a.example", secret_file=secret_file("whsec_not-base64-at-all")
    )
    with pytest.raises(ConfigError, match="base64"):
        await send(config, message())
