"""Each channel against a real receiver; attacks P05, P06, P08."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.http_receiver import HttpReceiver, Reply
from fakes.slack import SlackReceiver
from fakes.smtp import MailServer
from fakes.webhook import WebhookReceiver
from fixtures.alert_messages import HOSTILE, message, send, server_context
from fixtures.catalogue import START
from fixtures.pki import InternalPki
from newel.alerting.channels.factory import build_channel
from newel.alerting.channels.webhook import signature
from newel.alerting.config import Config, Email, Slack, Webhook
from newel.alerting.delivery import DeliveryError
from newel.alerting.notices import Phase, facts
from newel.runtime.clock import ManualClock
from newel.runtime.config import ConfigError, validate
from newel.runtime.egress import EgressPolicy

SecretFile = Callable[..., Path]


def hook(url: str, secret_file: Path, **fields: Any) -> Webhook:
    return Webhook(kind="webhook", url=url, secret_file=secret_file, **fields)


class TestWebhook:
    async def test_the_event_is_signed_and_says_what_the_description_says(
        self, webhook: WebhookReceiver, secret_file: SecretFile
    ) -> None:
        await send(hook(webhook.url("/a?b=c"), secret_file()), message())
        assert webhook.complaints == []
        assert webhook.posted[0].path == "/a?b=c"
        assert webhook.events == [
            {
                "specversion": "1.0",
                "id": "expiring-01.opened.name",
                "source": "newel",
                "type": "newel.alert.opened.v1",
                "subject": "c-01",
                "time": "2026-11-21T12:01:30Z",
                "datacontenttype": "application/json",
                "data": {
                    "notice": "expiring-01",
                    "title": "Certificate of a.example is about to expire",
                    "kind": "expiring",
                    "severity": "warning",
                    "owner": None,
                    "detail": None,
                    "endpoint": "c-01",
                    "serial": "01",
                    "subject": "a.example",
                    "names": [
                        {"type": "dns", "value": "a.example"},
                        {"type": "ip", "value": "10.0.0.1"},
                    ],
                    "provisioner": "a.example",
                    "not_before": "2026-11-21T12:00:00Z",
                    "not_after": "2026-11-21T12:02:00Z",
                    "life_passed": 0.75,
                    "opened_at": "2026-11-21T12:01:30Z",
                    "resolved_at": None,
                    "successor": None,
                    "followed_by": None,
                    "page": None,
                },
            }
        ]

    def test_the_signature_covers_time_and_body(self) -> None:
        base = signature(b"secret", 1, b"body")
        assert base.startswith("t=1,v1=")
        digests = {
            signature(secret, at, body).rpartition("=")[2]
            for secret, at, body in (
                (b"secret", 1, b"body"),
                (b"other", 1, b"body"),
                (b"secret", 2, b"body"),
                (b"secret", 1, b"other"),
            )
        }
        assert len(digests) == 4

    async def test_a_wrong_secret_is_noticed_by_the_receiver_and_not_tried_again(
        self, webhook: WebhookReceiver, secret_file: SecretFile
    ) -> None:
        config = hook(webhook.url(), secret_file("another secret, long enough"))
        with pytest.raises(DeliveryError, match="400") as caught:
            await send(config, message())
        assert caught.value.permanent
        assert webhook.complaints == ["wrong signature"]

    async def test_https_holds_the_certificate_against_the_name_although_the_address_is_pinned(
        self, internal_pki: InternalPki, secret_file: SecretFile
    ) -> None:
        async def resolver(host: str) -> list[str]:
            return ["127.0.0.1"]

        secret = secret_file()
        policy = EgressPolicy(resolver=resolver)
        context = server_context(internal_pki, "hooks.example")
        with WebhookReceiver(secret.read_bytes().strip(), tls=context) as receiver:
            good = hook(receiver.url(host="hooks.example"), secret, ca_file=internal_pki.roots)
            await send(good, message(), policy)
            assert receiver.posted[0].headers["host"].startswith("hooks.example:")
            for bad in (
                hook(receiver.url(host="other.example"), secret, ca_file=internal_pki.roots),
                hook(receiver.url(host="hooks.example"), secret),
            ):
                with pytest.raises(DeliveryError, match="no answer"):
                    await send(bad, message(), policy)
            assert len(receiver.posted) == 1

    @pytest.mark.attack("P06")
    async def test_redirects_are_not_followed(
        self, webhook: WebhookReceiver, slack: SlackReceiver, secret_file: SecretFile
    ) -> None:
        webhook.replies = [Reply(status=307, headers={"Location": slack.url()})]
        with pytest.raises(DeliveryError, match="307"):
            await send(hook(webhook.url(), secret_file()), message())
        assert slack.posted == []

    @pytest.mark.attack("P06")
    @pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:a9fe:a9fe]"])
    async def test_metadata_services_are_never_reached(
        self, secret_file: SecretFile, host: str
    ) -> None:
        with pytest.raises(DeliveryError, match="egress policy") as caught:
            await send(hook(f"http://{host}/latest", secret_file()), message())
        assert caught.value.permanent

    @pytest.mark.attack("P06")
    async def test_a_name_that_rebinds_is_connected_to_where_it_was_checked(
        self, webhook: WebhookReceiver, secret_file: SecretFile
    ) -> None:
        answers = [["127.0.0.1"], ["169.254.169.254"]]

        async def rebind(host: str) -> list[str]:
            return answers.pop(0)

        policy = EgressPolicy(resolver=rebind)
        await send(hook(webhook.url(host="rebind.example"), secret_file()), message(), policy)
        assert len(webhook.posted) == 1
        with pytest.raises(DeliveryError, match="egress policy"):
            await send(hook(webhook.url(host="rebind.example"), secret_file()), message(), policy)

    @pytest.mark.parametrize(
        ("status", "permanent"), [(408, False), (425, False), (429, False), (500, False),
                                  (503, False), (400, True), (404, True), (302, True)]
    )  # fmt: skip # a table
    async def test_which_answers_are_worth_another_try(
        self, webhook: WebhookReceiver, secret_file: SecretFile, status: int, permanent: bool
    ) -> None:
        webhook.replies = [Reply(status=status)]
        with pytest.raises(DeliveryError, match=str(status)) as caught:
            await send(hook(webhook.url(), secret_file()), message())
        assert caught.value.permanent == permanent

    async def test_an_endless_answer_is_cut_off(self, secret_file: SecretFile) -> None:
        """The receiver sends until the connection is closed: a client that read it all would never end."""
        hung_up = asyncio.Event()

        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                    await writer.drain()
            except ConnectionError:
                hung_up.set()
            finally:
                writer.close()

        async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            config = hook(f"http://127.0.0.1:{port}/", secret_file())
            await send(config, message())
            await hung_up.wait()

    async def test_a_receiver_that_never_answers_is_given_up(
        self, webhook: WebhookReceiver, secret_file: SecretFile
    ) -> None:
        class Silent(HttpReceiver):
            def check(self, posted: Any) -> str:
                import time

                time.sleep(0.5)
                return ""

        with Silent() as silent:
            quick = hook(silent.url(), secret_file(), timeout=dt.timedelta(milliseconds=100))
            with pytest.raises(DeliveryError, match="in time"):
                await send(quick, message())

    async def test_nobody_there(self, secret_file: SecretFile) -> None:
        with pytest.raises(DeliveryError, match="no answer") as caught:
            await send(hook("http://127.0.0.1:9/", secret_file()), message())
        assert not caught.value.permanent


class TestSlack:
    @pytest.mark.attack("P05")
    async def test_what_a_stranger_chose_stays_text(
        self, slack: SlackReceiver, secret_file: SecretFile
    ) -> None:
        config = Slack(kind="slack", url_file=secret_file(slack.url("/services/T/B/x")))
        await send(config, message(HOSTILE, Phase.RESOLVED))
        assert slack.complaints == []
        (sent,) = slack.messages
        assert "<" not in sent["text"]
        assert sent["mrkdwn"] is False
        kinds = {sent["blocks"][0]["text"]["type"]}
        kinds |= {each["type"] for each in sent["blocks"][1]["fields"]}
        assert kinds == {"plain_text"}
        assert "\r" not in json.dumps(sent).replace("\\n", "")

    async def test_it_shows_everything_there_is_to_say(
        self, slack: SlackReceiver, secret_file: SecretFile
    ) -> None:
        what = message()
        notice = replace(what.notice, owner="ada", detail="two of three are late")
        what = replace(what, notice=notice)
        assert len(facts(what)) == 11, "one more than a section holds"
        await send(Slack(kind="slack", url_file=secret_file(slack.url("/services/T/B/x"))), what)
        (sent,) = slack.messages
        shown = [
            tuple(field["text"].split("\n", 1))
            for block in sent["blocks"]
            for field in block.get("fields", ())
        ]
        assert shown == facts(what)
        assert slack.complaints == []

    @pytest.mark.attack("P08")
    async def test_its_address_is_a_secret_and_in_no_error(
        self, secret_file: SecretFile, slack: SlackReceiver
    ) -> None:
        slack.replies = [Reply(status=404, body=b"no_service")]
        for url in (slack.url("/services/T0/B0/hush"), "http://127.0.0.1:9/hush", "http://[/hush"):
            with pytest.raises(DeliveryError) as caught:
                await send(Slack(kind="slack", url_file=secret_file(url)), message())
            assert "hush" not in repr(caught.value)
            assert caught.value.__cause__ is None


class TestEmail:
    @staticmethod
    def config(server: MailServer, **fields: Any) -> Email:
        plain: dict[str, Any] = {
            "kind": "email",
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "sender": "ca@example.com",
            "recipients": ("ada@example.com", "bob@example.com"),
        }
        return Email(**{**plain, **fields})

    @pytest.mark.attack("P05")
    async def test_no_header_can_be_injected(self, mail_server: MailServer) -> None:
        await send(self.config(mail_server), message(HOSTILE))
        (mail,) = mail_server.mails
        assert mail["Bcc"] is None
        assert mail["To"] == "ada@example.com, bob@example.com"
        assert len(mail["Subject"]) < 150
        text, page = mail.iter_parts()
        assert [text.get_content_type(), page.get_content_type()] == ["text/plain", "text/html"]
        assert "<https" not in page.get_content()
        assert mail["Auto-Submitted"] == "auto-generated"

    async def test_it_says_what_a_person_needs(self, mail_server: MailServer) -> None:
        await send(self.config(mail_server), message("müller.example"))
        (mail,) = mail_server.mails
        assert mail["Subject"] == "Certificate of müller.example is about to expire"
        plain = mail.get_body(("plain",))
        assert plain
        text = plain.get_content()
        assert "Expires: 2026-11-21T12:02:00Z" in text
        assert "Names: müller.example, 10.0.0.1" in text

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")  # implicit TLS does not count for aiosmtpd
    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_tls_and_login(
        self, internal_pki: InternalPki, secret_file: SecretFile, security: Any
    ) -> None:
        async def resolver(host: str) -> list[str]:
            return ["127.0.0.1"]

        policy = EgressPolicy(resolver=resolver)
        context = server_context(internal_pki, "mail.example")
        with MailServer(
            tls=context, implicit=security == "tls", users={"ca": "open sesame"}
        ) as server:
            fields: dict[str, Any] = {
                "host": "mail.example",
                "security": security,
                "username": "ca",
                "password_file": secret_file("open sesame"),
                "ca_file": internal_pki.roots,
            }
            await send(self.config(server, **fields), message(), policy)
            assert len(server.mails) == 1
            wrong_password = {**fields, "password_file": secret_file("sesame")}
            with pytest.raises(DeliveryError, match="535") as caught:
                await send(self.config(server, **wrong_password), message(), policy)
            assert caught.value.permanent
            for wrong in ({"host": "other.example"}, {"ca_file": None}):
                with pytest.raises(DeliveryError):
                    await send(self.config(server, **{**fields, **wrong}), message(), policy)
            assert len(server.mails) == 1

    async def test_without_starttls_nothing_is_sent(self, mail_server: MailServer) -> None:
        with pytest.raises(DeliveryError, match="does not offer"):
            await send(self.config(mail_server, security="starttls"), message())
        assert mail_server.mails == []

    @pytest.mark.parametrize(("answer", "permanent"), [("451 later", False), ("554 never", True)])
    async def test_which_answers_are_worth_another_try(
        self, mail_server: MailServer, answer: str, permanent: bool
    ) -> None:
        mail_server.answers = [answer]
        with pytest.raises(DeliveryError, match=answer[:3]) as caught:
            await send(self.config(mail_server), message())
        assert caught.value.permanent == permanent

    async def test_refused_recipients_are_a_failure(self) -> None:
        with MailServer(refused={"bob@example.com": "550 no such user"}) as server:
            with pytest.raises(DeliveryError, match="1 recipients") as caught:
                await send(self.config(server), message())
            assert caught.value.permanent
        with MailServer(
            refused={"ada@example.com": "450 full", "bob@example.com": "550 no such user"}
        ) as server:
            with pytest.raises(DeliveryError, match="2 recipients") as caught:
                await send(self.config(server), message())
            assert not caught.value.permanent

    @pytest.mark.attack("P06")
    async def test_the_egress_policy_holds_for_mail(self, mail_server: MailServer) -> None:
        with pytest.raises(DeliveryError, match="egress policy"):
            await send(self.config(mail_server, host="169.254.169.254"), message())


class TestConfiguration:
    @pytest.mark.parametrize(
        "data",
        [
            {"rules": [{"channels": ["nowhere"]}]},
            {"channels": {"Hook!": {"kind": "slack", "url_file": "f"}}},
            {"channels": {"a": {"kind": "slack", "url": "https://hooks.slack.com/x"}}},
            {"channels": {"a": {"kind": "pager"}}},
            {"channels": {"a": {"kind": "webhook", "url": "file:///", "secret_file": "f"}}},
            {"channels": {"a": {"kind": "webhook", "url": "https://a", "secret": "s"}}},
            {"egress": {"deny": ["everything"]}},
        ],
    )
    def test_what_can_never_work_is_refused(self, data: dict[str, Any]) -> None:
        with pytest.raises(ConfigError):
            validate(Config, data, "alerting.toml")

    @pytest.mark.parametrize(
        "fields",
        [
            {"sender": "ca@example.com\r\nBcc: eve@example.com"},
            {"recipients": ("Ada <ada@example.com>",)},
            {"recipients": ()},
            {"username": "ca"},
            {"username": "ca", "password_file": "f", "security": "none"},
        ],
    )
    def test_mail_that_can_never_work_is_refused(self, fields: dict[str, Any]) -> None:
        plain = {"kind": "email", "host": "a", "sender": "a@b", "recipients": ("a@b",)}
        data = {"channels": {"post": {**plain, **fields}}}
        with pytest.raises(ConfigError):
            validate(Config, data, "alerting.toml")

    def test_secrets_are_checked_at_start(self, secret_file: SecretFile) -> None:
        clock, policy = ManualClock(START), EgressPolicy()
        for config in (
            hook("https://a", secret_file("short")),
            hook("https://a", Path("/nonexistent/secret")),
            Slack(kind="slack", url_file=secret_file("not an address")),
        ):
            with pytest.raises(ConfigError):
                build_channel("name", config, policy, clock)
