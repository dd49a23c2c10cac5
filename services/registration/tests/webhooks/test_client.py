"""Calls of webhooks: tried twice, bounded, each for itself, by this server's certificate."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry

from fakes.http_receiver import HttpReceiver, ReceivedPost, Reply
from fixtures.authority import EPOCH
from fixtures.pki import InternalPki
from fixtures.registration import request_for
from fixtures.webhooks import bodies, hook, make_server_context, reply
from newel.crypto import csr
from newel.registration.metrics import Metrics
from newel.registration.webhooks import bodies as content_bodies
from newel.registration.webhooks.client import WebhookClient
from newel.registration.webhooks.hooks import Webhook
from newel.registration.webhooks.notifications import Notifications
from newel.registration.webhooks.webhooks import WebhookCaller, Webhooks, WebhookSubject
from newel.runtime.clock import ManualClock
from newel.runtime.egress import EgressPolicy
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.tls.server import ServerTLS
from newel.step.webhooks import WebhookCertificateType, WebhookKind, read_webhooks


class SilentReceiver(HttpReceiver):
    """Answers no one before it is released."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.released = threading.Event()
        super().__init__(tls=tls)
        self.replies = [reply()] * 50

    def check(self, posted: ReceivedPost) -> str:
        self.released.wait(20)
        return super().check(posted)


class CertificateReceiver(HttpReceiver):
    """Notes whose certificate each client shows."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.shown: list[str] = []
        super().__init__(tls=tls)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shown = self.shown
        base: Any = super()._handler()

        class Handler(base):
            def do_POST(self) -> None:
                der = self.connection.getpeercert(binary_form=True)
                shown.append(
                    x509.load_der_x509_certificate(der).subject.rfc4514_string() if der else ""
                )
                super().do_POST()

        return Handler


@pytest.fixture
def silent(server_context: ssl.SSLContext) -> Iterator[SilentReceiver]:
    with SilentReceiver(server_context) as running:
        yield running
        running.released.set()


def make_client(
    pki: InternalPki, *, tls: ServerTLS | None = None, seconds: float = 10.0, **more: Any
) -> WebhookClient:
    return WebhookClient(
        EgressPolicy(),
        pki.roots,
        tls or ServerTLS(),
        lambda: (),
        ManualClock(EPOCH),
        more.pop("metrics", None) or Metrics(CollectorRegistry()),
        seconds=seconds,
        pause=0.0,
    )


def make_hook(url: str, kind: str = "ENRICHING", **more: Any) -> Webhook:
    (record,) = read_webhooks({"webhooks": [hook(url, kind, **more)]})
    return Webhook(record)


def make_webhooks(
    client: WebhookClient, *records: dict[str, Any], most: int = 10, metrics: Metrics | None = None
) -> tuple[Webhooks, Notifications]:
    notifications = Notifications(client, metrics or Metrics(CollectorRegistry()), most)
    caller = WebhookCaller(client, notifications)
    return Webhooks("admin", read_webhooks({"webhooks": list(records)}), caller), notifications


def subject(**more: Any) -> WebhookSubject:
    request = csr.parse_request(request_for("foo.internal").encode())

    def describe() -> dict[str, Any]:
        return {"x509CertificateRequest": content_bodies.certification_request(request)}

    return WebhookSubject(WebhookCertificateType.X509, describe, dict, **more)


def describe_issued(pki: InternalPki) -> dict[str, Any]:
    der = pki.root.public_bytes(Encoding.DER)
    return {"x509Certificate": content_bodies.issued_certificate(der)}


async def call(client: WebhookClient, hook: Webhook) -> Any:
    return await client.call(hook, {"provisionerName": "admin"}, dict, "request-1")


async def test_a_failure_of_the_server_is_tried_once_more(
    pki: InternalPki, receiver: HttpReceiver
) -> None:
    receiver.replies = [Reply(500), reply(data=[1, "a", None])]
    assert (await call(make_client(pki), make_hook(receiver.url()))).data == [1.0, "a", None]
    first, second = receiver.posted
    assert first.headers["x-request-id"] == "request-1"
    assert (first.body, first.headers) == (second.body, second.headers)


async def test_it_is_not_tried_a_third_time(pki: InternalPki, receiver: HttpReceiver) -> None:
    receiver.replies = [Reply(503)] * 3
    with pytest.raises(NewelError) as error:
        await call(make_client(pki), make_hook(receiver.url()))
    assert error.value.type is ErrorType.UNAVAILABLE
    assert error.value.cause == "the webhook people: it responded with 503"
    assert len(receiver.posted) == 2


@pytest.mark.attack("T10")
async def test_an_answer_is_bounded(pki: InternalPki, receiver: HttpReceiver) -> None:
    large = Reply(200, b'{"allow": true, "data": "%s"}' % (b"x" * (1 << 20)))
    receiver.replies = [large, large]
    with pytest.raises(NewelError, match="cannot be asked now"):
        await call(make_client(pki), make_hook(receiver.url()))


@pytest.mark.attack("T10")
async def test_a_webhook_that_hangs_is_given_up_in_time(
    pki: InternalPki, silent: SilentReceiver
) -> None:
    with pytest.raises(NewelError) as error:
        await call(make_client(pki, seconds=0.05), make_hook(silent.url()))
    assert error.value.cause == "the webhook people: no answer in time"


async def test_a_webhook_that_hangs_delays_its_own_requests_only(
    pki: InternalPki, receiver: HttpReceiver, silent: SilentReceiver
) -> None:
    client = make_client(pki, seconds=60.0)
    waiting = [
        asyncio.ensure_future(call(client, make_hook(silent.url())))  # noqa: TID251 - of this test
        for _ in range(40)
    ]
    receiver.replies = [reply()] * 5
    for _ in range(5):
        assert (await call(client, make_hook(receiver.url()))).allow
    assert not any(each.done() for each in waiting)
    silent.released.set()
    assert all(each.allow for each in await asyncio.gather(*waiting))


async def test_it_shows_the_server_s_own_certificate_unless_told_not_to(pki: InternalPki) -> None:
    tls, files = ServerTLS(), pki.files("ca.example")
    client = make_client(pki, tls=tls)
    with CertificateReceiver(tls=make_server_context(pki, asks=True)) as receiver:
        receiver.replies = [reply()] * 4
        await call(client, make_hook(receiver.url()))
        tls.present(files.certificate.read_bytes(), files.key.read_bytes())
        await call(client, make_hook(receiver.url()))
        await call(client, make_hook(receiver.url(), disableTLSClientAuth=True))
        renewed = pki.files("renewed.example")
        tls.present(renewed.certificate.read_bytes(), renewed.key.read_bytes())
        await call(client, make_hook(receiver.url()))
        shown = receiver.shown
    assert shown == ["", "CN=ca.example", "", "CN=renewed.example"]


async def test_who_proved_the_request_is_told(pki: InternalPki, receiver: HttpReceiver) -> None:
    receiver.replies = [reply(), reply()]
    hooks, _ = make_webhooks(make_client(pki), hook(receiver.url(), "ENRICHING"))
    der = pki.root.public_bytes(Encoding.DER)
    await hooks.enrich(subject(certificate=der, permanent_identifier="device-7"))
    await hooks.enrich(subject(principal="i-0123"))
    first, second = bodies(receiver.posted)
    assert first["authorizationPrincipal"] == "internal root"
    assert first["x5cCertificate"].keys() == {
        "raw", "publicKey", "publicKeyAlgorithm", "notBefore", "notAfter",
    }  # fmt: skip # a table
    assert first["attestationData"] == {"permanentIdentifier": "device-7"}
    assert second["authorizationPrincipal"] == "i-0123"
    assert "x5cCertificate" not in second


async def test_a_scep_challenge_is_right_when_one_webhook_says_so(
    pki: InternalPki, receiver: HttpReceiver
) -> None:
    records = [hook(receiver.url(f"/{name}"), "SCEPCHALLENGE", name) for name in ("a", "b")]
    hooks, _ = make_webhooks(make_client(pki), *records)
    assert hooks.has(WebhookKind.SCEPCHALLENGE, WebhookCertificateType.X509)
    receiver.replies = [reply(allow=False), reply(data={"owner": "ada"})]
    assert await hooks.check_challenge(subject(), "sesame", "t-1") == {"b": {"owner": "ada"}}
    receiver.replies = [reply(allow=False), reply(allow=False)]
    assert await hooks.check_challenge(subject(), "sesame", "t-1") is None
    body = bodies(receiver.posted)[0]
    assert (body["scepChallenge"], body["scepTransactionID"]) == ("sesame", "t-1")
    receiver.replies = [Reply(500), Reply(500)]
    with pytest.raises(NewelError, match="cannot be asked now"):
        await hooks.check_challenge(subject(), "sesame", "t-1")


async def test_notifications_are_sent_later_and_dropped_when_too_many_wait(
    pki: InternalPki, receiver: HttpReceiver
) -> None:
    metrics = Metrics(CollectorRegistry())
    client = make_client(pki, metrics=metrics)
    record = hook(receiver.url(), "NOTIFYING")
    hooks, notifications = make_webhooks(client, record, most=3, metrics=metrics)
    hooks.notify(subject(), lambda: describe_issued(pki))
    hooks.notify(subject(), lambda: describe_issued(pki), transaction_id="t-1")
    hooks.notify_failure(subject(), "t-2", 2, "the challenge is wrong")
    hooks.notify(subject(), lambda: describe_issued(pki))
    assert not receiver.posted
    receiver.replies = [Reply(404), reply(), Reply(500), Reply(500)]
    for _ in range(3):
        await notifications.send_next()
    told, scep, failed, _ = bodies(receiver.posted)
    assert told.keys() == {
        "timestamp", "provisionerName", "x509CertificateRequest", "x509Certificate",
    }  # fmt: skip # a table
    assert told["x509Certificate"]["raw"]
    assert scep["scepTransactionID"] == "t-1"
    assert (failed["scepErrorCode"], failed["scepErrorDescription"]) == (
        2,
        "the challenge is wrong",
    )
    assert count(metrics, "dropped") == 1
    assert (count(metrics, "failed"), count(metrics, "unavailable")) == (1, 1)


def count(metrics: Metrics, outcome: str) -> float:
    labels = {"kind": "NOTIFYING", "outcome": outcome}
    return metrics.registry.get_sample_value("newel_registration_webhooks_total", labels) or 0


async def test_a_certificate_that_was_issued_is_notified_by_the_running_service(
    pki: InternalPki, receiver: HttpReceiver
) -> None:
    hooks, notifications = make_webhooks(make_client(pki), hook(receiver.url(), "NOTIFYING"))
    receiver.replies = [reply()]
    running = asyncio.ensure_future(notifications.run())  # noqa: TID251 - of this test
    hooks.notify(subject(), lambda: describe_issued(pki))
    await asyncio.to_thread(receiver.wait_for, 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
