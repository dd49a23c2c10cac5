"""``/sign`` with webhooks: what they are asked, what they decide, what is never shown."""

import base64
import datetime as dt
import hashlib
import hmac
import logging
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.http_receiver import HttpReceiver, Reply
from fixtures.registration import RegistrationHarness, read_message, request_for
from fixtures.webhooks import SECRET, Opening, bodies, hook, reply
from newel.crypto import keys

FORBIDDEN = "The request was forbidden by the certificate authority: "
TEMPLATE = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
  "organizationalUnit": {{ toJson .Webhooks.people.unit }}}, "sans": {{ toJson .SANs }}}"""


async def sign(
    ra: RegistrationHarness, *names: str, key: Any = None, **more: Any
) -> httpx.Response:
    names = names or ("foo.internal",)
    token = ra.admin.token(names[0], ra.clock.now(), sans=list(names))
    return await ra.sign(token, request_for(names[0], key=key or keys.generate()), **more)


def issue_requests(ra: RegistrationHarness) -> list[Any]:
    """What the issuing authority was asked, without the server's own certificate."""
    return [each for each in ra.issuing.requests if each.subject_of_proof != "registration"]


def leaf(answer: httpx.Response) -> x509.Certificate:
    assert answer.status_code == 201, answer.text
    return x509.load_pem_x509_certificate(answer.json()["crt"].encode())


async def test_an_enriching_webhook_gives_the_template_its_data(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    receiver.replies = [reply(data={"unit": "Staff"})]
    ra = await open_with(hook(receiver.url("/enrich"), "enriching"), template=TEMPLATE)
    leaf(await sign(ra))
    subject = {each.oid: each.value for each in ra.issuing.requests[-1].subject}
    assert subject == {"2.5.4.3": "foo.internal", "2.5.4.11": "Staff"}
    (posted,) = receiver.posted
    (body,) = bodies(receiver.posted)
    signature = hmac.new(SECRET, posted.body, hashlib.sha256).hexdigest()
    assert posted.headers["x-smallstep-signature"] == signature
    assert posted.headers["x-smallstep-webhook-id"] == "1234"
    assert posted.headers["authorization"] == "Bearer bearer-of-the-hook"
    assert posted.headers["content-type"] == "application/json"
    assert body.keys() == {"timestamp", "provisionerName", "x509CertificateRequest"}
    assert body["provisionerName"] == "admin"
    asked = body["x509CertificateRequest"]
    request = x509.load_der_x509_csr(base64.b64decode(asked["raw"]))
    assert asked["dnsNames"] == ["foo.internal"]
    assert asked["subject"] == {"commonName": "foo.internal"}
    assert asked["publicKeyAlgorithm"] == "ECDSA"
    spki = keys.spki(request.public_key())  # pyright: ignore[reportArgumentType] - of our kinds
    assert base64.b64decode(asked["publicKey"]) == spki


async def test_an_authorizing_webhook_sees_what_would_be_issued(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    receiver.replies = [reply()]
    record = hook(receiver.url("/"), "AUTHORIZING", secret="", bearerToken="")
    record["basicAuth"] = {"username": "ada", "password": "lovelace"}
    ra = await open_with(record)
    issued = leaf(await sign(ra, "foo.internal", "10.0.0.1"))
    (posted,) = receiver.posted
    assert "x-smallstep-signature" not in posted.headers
    credentials = base64.b64decode(posted.headers["authorization"].removeprefix("Basic "))
    assert credentials == b"ada:lovelace"
    shown = bodies(receiver.posted)[0]["x509Certificate"]
    assert shown["subject"] == {"commonName": "foo.internal"}
    assert (shown["dnsNames"], shown["ipAddresses"]) == (["foo.internal"], ["10.0.0.1"])
    assert shown["sans"] == [
        {"type": "dns", "value": "foo.internal"}, {"type": "ip", "value": "10.0.0.1"},
    ]  # fmt: skip # a table
    assert shown["keyUsage"] == ["digitalSignature"]
    assert shown["extKeyUsage"] == ["serverAuth", "clientAuth"]
    end = dt.datetime.fromisoformat(shown["notAfter"])
    assert abs(end - issued.not_valid_after_utc) <= dt.timedelta(seconds=1)


async def test_they_are_asked_in_the_order_of_the_record_and_of_the_steps(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(
        hook(receiver.url("/4"), "NOTIFYING", "four"),
        hook(receiver.url("/2"), "AUTHORIZING", "two", certType="x509"),
        hook(receiver.url("/never"), "AUTHORIZING", "never", certType="SSH"),
        hook(receiver.url("/never"), "SCEPCHALLENGE", "challenge"),
        hook(receiver.url("/1"), "ENRICHING", "one"),
        hook(receiver.url("/3"), "AUTHORIZING", "three"),
    )
    receiver.replies = [reply()] * 3
    leaf(await sign(ra))
    assert [each.path for each in receiver.posted] == ["/1", "/2", "/3"]


REFUSALS = [
    ("ENRICHING", {"error": {"code": "lost", "message": "device is lost"}}, "device is lost (lost)."),
    ("ENRICHING", {}, "webhook server did not allow request."),
    ("AUTHORIZING", {"error": {"code": "lost", "message": "device is lost"}},
     "error creating certificate."),
    ("AUTHORIZING", {}, "error creating certificate."),
]  # fmt: skip # a table


@pytest.mark.parametrize(("kind", "answer", "told"), REFUSALS)
async def test_a_webhook_s_refusal_is_told_in_the_words_of_step_ca(
    open_with: Opening, receiver: HttpReceiver, kind: str, answer: dict[str, Any], told: str
) -> None:
    ra = await open_with(hook(receiver.url(), kind))
    receiver.replies = [reply(allow=False, **answer)]
    token = ra.admin.token("foo.internal", ra.clock.now(), sans=["foo.internal"])
    request = request_for("foo.internal")
    refused = await ra.sign(token, request)
    assert refused.status_code == 403
    assert read_message(refused) == FORBIDDEN + told
    (facts,) = [facts for event, _, facts in ra.audit.lines if event == "sign"]
    assert "the webhook people did not allow the request" in facts["cause"]
    assert not issue_requests(ra)
    receiver.replies = [reply()]  # the token was not used up by a refusal
    leaf(await ra.sign(token, request))


UNUSABLE = {
    "a redirect": Reply(302, b"", {"Location": "https://127.0.0.1/"}),
    "no content": Reply(204, b""),
    "text": Reply(200, b"yes"),
    "a list": Reply(200, b'[{"allow": true}]'),
    "a text for a truth": Reply(200, b'{"allow": "true"}'),
    "a number for a truth": Reply(200, b'{"allow": 1}'),
    "deep nesting": Reply(200, b'{"allow": true, "data": %s' % (b"[" * 100_000)),
    "octets": Reply(200, b'{"allow": true, "data": "\xff"}'),
}


@pytest.mark.attack("T10")
@pytest.mark.parametrize("kind", ["ENRICHING", "AUTHORIZING"])
@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=list(UNUSABLE))
async def test_an_answer_that_cannot_be_read_is_neither_yes_nor_no(
    open_with: Opening, receiver: HttpReceiver, kind: str, answer: Reply
) -> None:
    ra = await open_with(hook(receiver.url(), kind))
    receiver.replies = [answer, answer]
    refused = await sign(ra)
    assert refused.status_code == 503
    assert read_message(refused) == "the webhook people cannot be asked now; try again later"
    assert not issue_requests(ra)


async def test_a_webhook_that_does_not_know_this_authority_refuses(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(hook(receiver.url(), "ENRICHING"))
    receiver.replies = [Reply(401, b"who are you?")]
    refused = await sign(ra)
    assert read_message(refused) == FORBIDDEN + "Webhook server responded with 401."
    assert len(receiver.posted) == 1  # not tried again


@pytest.mark.attack("T10")
async def test_nothing_leaves_for_a_network_that_the_policy_denies(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(hook(receiver.url(), "ENRICHING"), deny_networks=("127.0.0.0/8",))
    assert (await sign(ra)).status_code == 503
    assert not receiver.posted


@pytest.mark.attack("P08")
async def test_the_credentials_of_webhooks_are_shown_to_no_one(
    open_with: Opening, receiver: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    record = hook(receiver.url("/secret-path"), "ENRICHING")
    ra = await open_with(record)
    receiver.replies = [Reply(404, b"bearer-of-the-hook")]
    refused = await sign(ra)
    listed = await ra.call("GET", "/provisioners")
    (shown,) = listed.json()["provisioners"][0]["options"]["webhooks"]
    assert shown.keys() == {"id", "name", "url", "kind", "certType"}
    for text in (listed.text, refused.text, repr(ra.audit.lines)):
        assert record["secret"] not in text
        assert "bearer-of-the-hook" not in text
    # the libraries' own debug lines name the address only
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("newel")]
    assert not any("secret" in line for line in ours)


async def test_an_address_is_a_template_over_the_request(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    url = receiver.url("/hosts/{{ .Token.sub }}?cn={{ .Subject.CommonName | urlquery }}")
    ra = await open_with(hook(url, "ENRICHING"))
    receiver.replies = [reply()]
    leaf(await sign(ra))
    assert receiver.posted[0].path == "/hosts/foo.internal?cn=foo.internal"


@pytest.mark.attack("T10")
@pytest.mark.parametrize(
    "where", ["@evil.example/", ".evil.example", "0/", ":1/", "/ a", "/\\a", "\n"]
)
async def test_the_data_of_a_request_never_chooses_who_is_asked(
    open_with: Opening, receiver: HttpReceiver, where: str
) -> None:
    template = '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}}'
    ra = await open_with(
        hook(receiver.url("/") + "{{ .Insecure.User.where }}", "ENRICHING"), template=template
    )
    receiver.replies = [reply()]
    answer = await sign(ra, templateData={"where": where})
    assert answer.status_code in {201, 500}
    assert all(each.headers["host"] == f"127.0.0.1:{receiver.port}" for each in receiver.posted)


async def test_webhooks_are_not_called_for_a_renewal(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(hook(receiver.url(), "AUTHORIZING"))
    receiver.replies = [reply()]
    certificate = leaf(await sign(ra))
    der = certificate.public_bytes(Encoding.DER)
    renewed = await ra.call("POST", "/renew", certificate=der)
    assert renewed.status_code == 201, renewed.text
    assert len(receiver.posted) == 1
