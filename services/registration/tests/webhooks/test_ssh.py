"""``/ssh/sign`` with webhooks: what they are asked, and what they decide."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from fakes.http_receiver import HttpReceiver, Reply
from fixtures.registration import CA, RegistrationHarness, read_message
from fixtures.webhooks import Opening, bodies, hook, reply
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.certificates import Certificate
from newel.crypto.ssh.public_keys import wire_of
from newel.step.tokens import SSHOptions

FORBIDDEN = "The request was forbidden by the certificate authority: "
KEY = keys.generate()
WIRE = wire_of(KEY)
TEMPLATE = """{"type": {{ toJson .Type }}, "keyId": {{ toJson .Webhooks.people.account }},
  "principals": [{{ toJson .Webhooks.people.account }}], "extensions": {{ toJson .Extensions }}}"""


def encode(wire: bytes) -> str:
    return base64.b64encode(wire).decode()


def ssh_token(ra: RegistrationHarness, kind: str = "user", name: str = "ada") -> str:
    options = SSHOptions(cert_type=kind, principals=[name])
    return ra.admin.token(
        name, ra.clock.now(), audience=f"{CA}/1.0/ssh/sign", sans=None, ssh=options
    )


async def sign(ra: RegistrationHarness, token: str = "", **more: Any) -> httpx.Response:
    return await ra.post("/ssh/sign", publicKey=encode(WIRE), ott=token or ssh_token(ra), **more)


def certificate(answer: httpx.Response) -> Certificate:
    assert answer.status_code == 201, answer.text
    return certificates.parse(base64.b64decode(answer.json()["crt"]))


async def test_an_enriching_webhook_gives_the_template_its_data(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    receiver.replies = [reply(data={"account": "ada-l"})]
    ra = await open_with(
        hook(receiver.url("/{{ .Token.sub }}/{{ .Type }}"), "ENRICHING", certType="SSH"),
        ssh_template=TEMPLATE,
    )
    found = certificate(await sign(ra, principals=["ada"]))
    assert (found.key_id, found.principals) == ("ada-l", ["ada-l"])
    assert receiver.posted[0].path == "/ada/user"
    (body,) = bodies(receiver.posted)
    assert body.keys() == {"timestamp", "provisionerName", "sshCertificateRequest"}
    assert body["provisionerName"] == "admin"
    assert body["sshCertificateRequest"] == {
        "publicKey": encode(WIRE), "type": "", "keyID": "", "principals": ["ada"],
    }  # fmt: skip # a table


async def test_an_authorizing_webhook_sees_what_would_be_issued(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(hook(receiver.url(), "AUTHORIZING"))
    receiver.replies = [reply()] * 2
    found = certificate(await sign(ra))
    assert bodies(receiver.posted)[0]["sshCertificate"] == {
        "nonce": None, "serial": 0, "type": "user", "keyId": "ada", "principals": ["ada"],
        "criticalOptions": None, "extensions": found.extensions, "reserved": None,
        "publicKey": encode(WIRE), "signatureKey": None,
        "validAfter": found.valid_after, "validBefore": found.valid_before,
    }  # fmt: skip # a table
    certificate(await sign(ra, ssh_token(ra, "host", "a.example")))
    shown = bodies(receiver.posted)[1]["sshCertificate"]
    assert (shown["type"], shown["extensions"]) == ("host", None)


async def test_a_notifying_webhook_is_told_of_the_certificate(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(hook(receiver.url(), "NOTIFYING"))
    receiver.replies = [reply()]
    found = certificate(await sign(ra))
    running = asyncio.ensure_future(ra.service.tasks["webhook-notifications"]())  # noqa: TID251 - of this test
    await asyncio.to_thread(receiver.wait_for, 1)
    running.cancel()
    (body,) = bodies(receiver.posted)
    told = body["sshCertificate"]
    assert (told["serial"], told["raw"]) == (found.serial, encode(found.wire))
    assert told["signatureKey"] == encode(found.signature_key)
    assert body["sshCertificateRequest"]["publicKey"] == encode(WIRE)
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_webhooks_of_each_type_are_asked_about_theirs(
    open_with: Opening, receiver: HttpReceiver
) -> None:
    ra = await open_with(
        hook(receiver.url("/never"), "AUTHORIZING", certType="X509"),
        hook(receiver.url("/2"), "AUTHORIZING", "ssh", certType="SSH"),
        hook(receiver.url("/1"), "ENRICHING", certType="ALL"),
    )
    receiver.replies = [reply()] * 2
    certificate(await sign(ra))
    assert [each.path for each in receiver.posted] == ["/1", "/2"]


REFUSALS = [
    ("ENRICHING", {"error": {"code": "lost", "message": "device is lost"}}, "device is lost (lost)."),
    ("ENRICHING", {}, "webhook server did not allow request."),
    ("AUTHORIZING", {"error": {"code": "lost", "message": "device is lost"}},
     "authority.SignSSH: error signing certificate."),
]  # fmt: skip # a table


@pytest.mark.parametrize(("kind", "answer", "told"), REFUSALS)
async def test_a_refusal_issues_nothing_and_leaves_the_token(
    open_with: Opening, receiver: HttpReceiver, kind: str, answer: dict[str, Any], told: str
) -> None:
    ra = await open_with(hook(receiver.url(), kind))
    receiver.replies = [reply(allow=False, **answer)]
    token = ssh_token(ra)
    refused = await sign(ra, token)
    assert (refused.status_code, read_message(refused)) == (403, FORBIDDEN + told)
    event, outcome, facts = ra.audit.lines[-1]
    assert (event, outcome) == ("ssh-sign", "refused")
    assert "the webhook people did not allow the request" in facts["cause"]
    assert not ra.issuing.ssh_requests
    receiver.replies = [reply()]
    certificate(await sign(ra, token))


@pytest.mark.attack("T10")
@pytest.mark.parametrize("kind", ["ENRICHING", "AUTHORIZING"])
@pytest.mark.parametrize(
    "answer", [Reply(500, b""), Reply(302, b""), Reply(200, b"yes"), Reply(200, b'{"allow": 1}')]
)
async def test_an_answer_that_cannot_be_read_is_neither_yes_nor_no(
    open_with: Opening, receiver: HttpReceiver, kind: str, answer: Reply
) -> None:
    ra = await open_with(hook(receiver.url(), kind))
    receiver.replies = [answer, answer]
    assert (await sign(ra)).status_code == 503
    assert not ra.issuing.ssh_requests
