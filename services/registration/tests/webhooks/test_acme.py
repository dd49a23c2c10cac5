"""Webhooks of ACME provisioners: their refusals are problems, their outages keep the order waiting."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fakes.http_receiver import HttpReceiver, Reply
from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, make_harness
from fixtures.pki import InternalPki
from fixtures.webhooks import bodies, hook, reply
from newel.registration.metrics import Metrics
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.registration.webhooks.process import WebhookProcess
from newel.runtime.egress import EgressPolicy
from newel.runtime.tls.server import ServerTLS
from newel.step.provisioners import ACMEProvisionerConfig

TEMPLATE = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
  "organization": {{ toJson .Webhooks.people.org }}}, "sans": {{ toJson .SANs }}}"""


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ACMEHarness]:
    async with make_harness(f"sqlite:///{tmp_path}/acme.db") as running:
        yield running


def call_webhooks(
    harness: ACMEHarness, pki: InternalPki, *records: dict[str, Any], template: str = ""
) -> WebhookProcess:
    """Give the harness's provisioner webhooks, and maybe a template."""
    process = WebhookProcess(
        EgressPolicy(), pki.roots, ServerTLS(), harness.clock, Metrics(CollectorRegistry())
    )
    options: dict[str, Any] = {"webhooks": list(records)}
    if template:
        options["x509"] = {"template": template}
    harness.provisioners["acme"] = ACMEProvisioner(
        ACMEProvisionerConfig(name="acme", options=options),
        ProvisionerContext(Limits(), active_revocation=True, webhooks=process),
    )
    return process


async def finalize(harness: ACMEHarness) -> tuple[Any, Any]:
    client = await harness.register_client()
    order = await harness.ready(client, "localhost")
    answer = await client.post(order["finalize"], {"csr": make_csr("localhost")})
    location = order["finalize"].removesuffix("/finalize")
    return answer, await client.post(location)


async def test_an_order_is_enriched_authorized_and_notified(
    harness: ACMEHarness, pki: InternalPki, receiver: HttpReceiver
) -> None:
    process = call_webhooks(
        harness,
        pki,
        hook(receiver.url("/enrich"), "ENRICHING"),
        hook(receiver.url("/authorize"), "AUTHORIZING"),
        hook(receiver.url("/notify"), "NOTIFYING"),
        template=TEMPLATE,
    )
    receiver.replies = [reply(data={"org": "Example"}), reply(), reply()]
    answer, _ = await finalize(harness)
    assert answer["status"] == "valid"
    (asked,) = harness.issuing.requests
    assert {each.oid: each.value for each in asked.subject}["2.5.4.10"] == "Example"
    await process.caller.notifications.send_next()
    paths = [each.path for each in receiver.posted]
    assert paths == ["/enrich", "/authorize", "/notify"]
    assert bodies(receiver.posted)[1]["x509Certificate"]["dnsNames"] == ["localhost"]


@pytest.mark.parametrize("kind", ["ENRICHING", "AUTHORIZING"])
async def test_a_refusal_is_a_problem_with_the_webhook_s_code(
    harness: ACMEHarness, pki: InternalPki, receiver: HttpReceiver, kind: str
) -> None:
    call_webhooks(harness, pki, hook(receiver.url(), kind))
    receiver.replies = [reply(allow=False, error={"code": "lost", "message": "device is lost"})]
    answer, order = await finalize(harness)
    assert (answer.problem, answer["detail"]) == ("unauthorized", "device is lost (lost)")
    assert answer["subproblems"] == [
        {"type": "urn:smallstep:acme:error:lost", "detail": "device is lost"}
    ]
    assert order["status"] == "invalid"
    assert not harness.issuing.requests


async def test_an_order_waits_for_a_webhook_that_cannot_be_asked(
    harness: ACMEHarness, pki: InternalPki, receiver: HttpReceiver
) -> None:
    call_webhooks(harness, pki, hook(receiver.url(), "AUTHORIZING"))
    receiver.replies = [Reply(200, b"no JSON")]
    _, order = await finalize(harness)
    assert order["status"] == "processing"
    assert not harness.issuing.requests


@pytest.mark.attack("template-authority")
async def test_a_webhook_adds_no_name_that_the_order_did_not_prove(
    harness: ACMEHarness, pki: InternalPki, receiver: HttpReceiver
) -> None:
    template = '{"dnsNames": {{ toJson .Webhooks.people.names }}}'
    call_webhooks(harness, pki, hook(receiver.url(), "ENRICHING"), template=template)
    receiver.replies = [reply(data={"names": ["localhost", "bank.example"]})]
    _, order = await finalize(harness)
    assert order["status"] == "processing"
    assert not harness.issuing.requests
