"""Webhooks of a SCEP provisioner: challenges, data for the template, permission, and news."""

from pathlib import Path
from typing import Any

import pytest

from fakes.http_receiver import HttpReceiver
from fixtures.authority import CertificateAuthority
from fixtures.pki import InternalPki
from fixtures.scep_client import SCEPClient, request_of
from fixtures.scep_harness import CHALLENGE, SCEPHarness, open_scep, record
from fixtures.webhooks import bodies, hook, reply
from newel.scep.constants import FailInfo

TEMPLATE = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
  "organizationalUnit": {{ toJson .Webhooks.people.unit }}}}"""


async def open_with(
    authority: CertificateAuthority, folder: Path, pki: InternalPki, *hooks: Any, **more: Any
) -> SCEPHarness:
    """A process whose provisioner has these webhooks, and maybe a template."""
    options = {"webhooks": list(hooks), **more}
    own = record(options=options)
    del own["challenge"]
    url = f"sqlite:///{folder}/ra.db"
    return await open_scep(url, authority, own, outgoing={"ca_file": pki.roots})


async def test_a_webhook_decides_on_the_challenge_and_names_the_unit(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki, receiver: HttpReceiver
) -> None:
    receiver.replies = [reply(data={"unit": "Phones"}), reply(allow=False)]
    own = hook(receiver.url(), "SCEPCHALLENGE")
    scep = await open_with(authority, tmp_path, pki, own, x509={"template": TEMPLATE})
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=CHALLENGE))
    assert "OU=Phones" in answer.certificates[0].subject.rfc4514_string()
    client.transaction = "another"
    answer = await scep.ask(client, request_of(client.key, challenge="of another"))
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert answer.text == "the challenge password is wrong or missing"
    first, second = bodies(receiver.posted)
    assert (first["scepChallenge"], first["scepTransactionID"]) == (CHALLENGE, "transaction-1")
    assert (second["scepChallenge"], second["provisionerName"]) == ("of another", "devices")
    await scep.ra.database.close()


@pytest.mark.attack("T10")
async def test_a_webhook_that_cannot_be_asked_lets_no_one_in(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki
) -> None:
    own = hook("https://127.0.0.1:9/", "SCEPCHALLENGE")
    scep = await open_with(authority, tmp_path, pki, own)
    client = SCEPClient()
    message = client.message(request_of(client.key, challenge=CHALLENGE), scep.certificate)
    assert (await scep.post(message)).status_code == 503
    assert scep.issued_count == 0
    await scep.ra.database.close()


@pytest.mark.attack("T10")
async def test_an_authorizing_webhook_may_refuse(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki, receiver: HttpReceiver
) -> None:
    receiver.replies = [reply(), reply(allow=False)]
    asked = hook(receiver.url(), "SCEPCHALLENGE")
    scep = await open_with(authority, tmp_path, pki, asked, hook(receiver.url(), "AUTHORIZING"))
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=CHALLENGE))
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert scep.issued_count == 0
    await scep.ra.database.close()
