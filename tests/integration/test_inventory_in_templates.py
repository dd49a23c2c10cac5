"""The inventory's metadata in certificates: registration asks a real inventory before anything is signed."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from fixtures.authority import EPOCH, AuditLog, CertificateAuthority, make_authority
from fixtures.issuing_peer import IssuingPeer
from fixtures.registration import (
    CA,
    JwkKey,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.inventory.app import REVISION, Ports, build
from newel.inventory.config import Config
from newel.inventory.lookup import MetadataKey
from newel.inventory.storage.metadata import MetadataStorage
from newel.runtime.clock import ManualClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.migrations import migrate
from newel.runtime.events.outbox import LocalBus, TableOutbox
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.step.tokens import SSHOptions

COMMON_NAME, ORGANIZATIONAL_UNIT, USER_ID = "2.5.4.3", "2.5.4.11", "0.9.2342.19200300.100.1.1"
Opening = Callable[..., Awaitable[tuple[RegistrationHarness, MetadataStorage]]]


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return make_authority(tmp_path)


@pytest.fixture
async def open_pair(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[Opening]:
    """Opens both services, the provisioner with a template or with settings of its own."""
    ending: list[Any] = []

    async def open_it(
        template: str = "", *, connected: bool = True, ssh_template: str = "", **own: Any
    ) -> tuple[RegistrationHarness, MetadataStorage]:
        url = f"sqlite:///{tmp_path}/inventory.db"
        await migrate(url, "newel.inventory", REVISION)
        database = await open_database(url)
        server = LocalServer()
        clock = ManualClock(EPOCH)
        issuing = IssuingPeer(authority=authority, clock=clock)
        issuing.serve(server)
        channel = LocalChannel(server, "inventory")
        ports = Ports(
            database, TableOutbox(database), LocalBus(), channel, clock, AuditLog(),
            CollectorRegistry(),
        )  # fmt: skip # own ports, then those of every service
        for rpc in build(Config(), ports).rpcs:
            server.add(rpc)
        admin = JwkKey("hosts", keys.generate())
        options = {"x509": {"template": template}} if template else {}
        if ssh_template:
            options["ssh"] = {"template": ssh_template}
        ra = await open_registration(
            f"sqlite:///{tmp_path}/ra.db",
            authority,
            admin=admin,
            issuing=issuing,
            clock=clock,
            server=server,
            inventory=LocalChannel(server, "registration") if connected else None,
            provisioners=(admin.record(options=options, newel=own, claims={"enableSSHCA": True}),),
        )
        ending.extend((ra.database, database))
        return ra, MetadataStorage(database)

    yield open_it
    for each in ending:
        await each.close()


async def sign(ra: RegistrationHarness, subject: str, *sans: str) -> httpx.Response:
    token = ra.admin.token(subject, ra.clock.now(), sans=list(sans or (subject,)))
    return await ra.sign(token, request_for(common_name=subject))


def issue_requests(ra: RegistrationHarness) -> list[Any]:
    """What the issuing authority was asked, without the server's own certificate."""
    return [each for each in ra.issuing.requests if each.subject_of_proof != "registration"]


async def know(store: MetadataStorage, kind: str, key: str, **values: str) -> None:
    await store.write(MetadataKey(kind, key, ""), values, EPOCH)


async def test_a_mail_address_becomes_a_user_name(open_pair: Opening) -> None:
    """An identity proves an address, and the certificate has the account that belongs to it."""
    template = """{"subject": {"commonName": {{ toJson .Inventory.username }},
      "extraNames": [{"type": "0.9.2342.19200300.100.1.1", "value": {{ toJson .Inventory.username }}}]},
      "emailAddresses": [{{ toJson .Token.sub }}]}"""
    ra, store = await open_pair(template)
    await know(store, "subject", "ada@example.com", username="ada")
    assert (await sign(ra, "ada@example.com")).status_code == 201
    (request,) = issue_requests(ra)
    assert {each.oid: each.value for each in request.subject} == {
        COMMON_NAME: "ada",
        USER_ID: "ada",
    }
    assert [each.email for each in request.names] == ["ada@example.com"]


async def test_a_host_is_authorized_to_get_certificates_for_its_workloads(
    open_pair: Opening,
) -> None:
    template = """{{ $workloads := splitList " " (default "" .Inventory.workloads) -}}
    {{ range .SANs }}{{ if not (has .Value $workloads) }}
      {{ fail (printf "%s is no workload of %s" .Value $.Subject.CommonName) }}
    {{ end }}{{ end }}{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}}"""
    ra, store = await open_pair(template)
    await know(store, "subject", "host-7.internal", workloads="web.internal mail.internal")
    assert (await sign(ra, "host-7.internal", "web.internal")).status_code == 201
    refused = await sign(ra, "host-7.internal", "web.internal", "bank.internal")
    assert refused.status_code == 400
    assert read_message(refused) == "bank.internal is no workload of host-7.internal"
    assert read_message(await sign(ra, "host-8.internal", "web.internal")) == (
        "web.internal is no workload of host-8.internal"
    )
    assert len(issue_requests(ra)) == 1


async def test_a_device_s_identity_becomes_its_name(open_pair: Opening) -> None:
    """A birth certificate proves a device id; the operator's inventory says what it is called."""
    template = """{{ $name := default "" .Inventory.name -}}
    {{ if not $name }}{{ fail "an unknown device" }}{{ end -}}
    {"subject": {"commonName": {{ toJson $name }}, "serialNumber": {{ toJson .Subject.CommonName }}},
     "dnsNames": [{{ toJson $name }}]}"""
    ra, store = await open_pair(template)
    await know(store, "subject", "device-0042", name="gate.internal")
    assert (await sign(ra, "device-0042")).status_code == 201
    (request,) = issue_requests(ra)
    assert [each.dns for each in request.names] == ["gate.internal"]
    assert read_message(await sign(ra, "device-0043")) == "an unknown device"


async def test_a_name_that_the_inventory_must_know_and_does_not_is_refused(
    open_pair: Opening,
) -> None:
    ra, store = await open_pair(requireInventory=True)
    await know(store, "name", "dns:web.internal", rack="7")
    await know(store, "name", "ip:10.0.0.1", rack="7")
    await know(store, "subject", "bank.internal", rack="7")
    assert (await sign(ra, "web.internal", "web.internal", "10.0.0.1")).status_code == 201
    refused = await sign(ra, "bank.internal", "web.internal", "bank.internal")
    assert refused.status_code == 403
    assert read_message(refused) == (
        "The request was forbidden by the certificate authority: the inventory does not know"
        " dns:bank.internal."
    )
    assert len(issue_requests(ra)) == 1
    (cause,) = [
        facts["cause"] for event, _, facts in ra.audit.lines if event == "sign" and "cause" in facts
    ]
    assert cause == "the inventory has no metadata of dns:bank.internal"


@pytest.mark.parametrize("own", [{"requireInventory": True}, {}])
async def test_an_inventory_that_cannot_be_asked_is_no_answer(
    open_pair: Opening, own: dict[str, Any]
) -> None:
    template = '{"subject": {{ toJson .Subject }}, "dnsNames": [{{ toJson .Inventory.name }}]}'
    ra, _ = await open_pair("" if own else template, connected=False, **own)
    refused = await sign(ra, "web.internal")
    assert refused.status_code == 503
    assert read_message(refused) == "the inventory cannot be asked now; try again later"
    assert not issue_requests(ra)


async def test_no_one_asks_the_inventory_without_need(open_pair: Opening) -> None:
    template = '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}}'
    ra, _ = await open_pair(template, connected=False)
    assert (await sign(ra, "web.internal")).status_code == 201


@pytest.mark.attack("T08")
async def test_the_requester_s_data_is_never_taken_for_the_inventory_s(open_pair: Opening) -> None:
    template = '{"subject": {{ toJson .Subject }}, "dnsNames": [{{ toJson .Insecure.User.name }}]}'
    ra, store = await open_pair(template + "{{/* .Inventory */}}")
    await know(store, "subject", "web.internal", name="bank.internal")
    token = ra.admin.token("web.internal", ra.clock.now(), sans=["web.internal"])
    data = {"name": "bank.internal", "Inventory": {"name": "bank.internal"}}
    refused = await ra.sign(token, request_for("web.internal"), templateData=data)
    assert refused.status_code == 403


async def sign_ssh(
    ra: RegistrationHarness, kind: str, *principals: str, **more: Any
) -> httpx.Response:
    options = SSHOptions(cert_type=kind, principals=list(principals))
    token = ra.admin.token(
        principals[0], ra.clock.now(), audience=f"{CA}/ssh/sign", sans=None, ssh=options
    )
    key = base64.b64encode(wire_of(keys.generate())).decode()
    return await ra.post("/ssh/sign", publicKey=key, ott=token, **more)


async def test_an_account_of_the_inventory_is_the_principal_of_an_ssh_certificate(
    open_pair: Opening,
) -> None:
    template = """{"type": {{ toJson .Type }}, "keyId": {{ toJson .KeyID }},
      "principals": [{{ toJson .Inventory.username }}]}"""
    ra, store = await open_pair(ssh_template=template)
    await know(store, "subject", "ada@example.com", username="ada")
    answer = await sign_ssh(ra, "user", "ada@example.com")
    assert answer.status_code == 201, answer.text
    (request,) = ra.issuing.ssh_requests
    assert (request.key_id, list(request.principals)) == ("ada@example.com", ["ada"])


@pytest.mark.parametrize(
    ("kind", "known", "unknown", "key"),
    [
        ("host", "a.internal", "b.internal", "dns:b.internal"),
        ("host", "10.0.0.1", "10.0.0.2", "ip:10.0.0.2"),
        ("user", "ada@example.com", "bob@example.com", "email:bob@example.com"),
        ("user", "ada", "root", "principal:root"),
    ],
)
async def test_a_principal_that_the_inventory_must_know_and_does_not_is_refused(
    open_pair: Opening, kind: str, known: str, unknown: str, key: str
) -> None:
    ra, store = await open_pair(requireInventory=True)
    await know(store, "name", key.replace(unknown, known), rack="7")
    assert (await sign_ssh(ra, kind, known)).status_code == 201
    refused = await sign_ssh(ra, kind, known, unknown)
    assert (refused.status_code, len(ra.issuing.ssh_requests)) == (403, 1)
    assert f"the inventory does not know {key}" in read_message(refused)
    event, outcome, facts = ra.audit.lines[-1]
    assert (event, outcome) == ("ssh-sign", "refused")
    assert facts["cause"] == f"the inventory has no metadata of {key}"


async def test_a_template_takes_no_principal_from_a_request_whose_names_must_be_known(
    open_pair: Opening,
) -> None:
    template = """{"type": {{ toJson .Type }}, "keyId": {{ toJson .KeyID }},
      "principals": [{{ toJson .Inventory.account }}{{ with .Insecure.User.as }}, {{ toJson . }}{{ end }}]}"""
    ra, store = await open_pair(ssh_template=template, requireInventory=True)
    await know(store, "name", "principal:ada", account="ada-l")
    refused = await sign_ssh(ra, "user", "ada", templateData={"as": "root"})
    assert refused.status_code == 403
    assert "takes 'root' from the request" in read_message(refused)
    assert (await sign_ssh(ra, "user", "ada")).status_code == 201
    (request,) = ra.issuing.ssh_requests
    assert list(request.principals) == ["ada-l"]


async def test_an_ssh_certificate_waits_for_an_inventory_that_cannot_be_asked(
    open_pair: Opening,
) -> None:
    ra, _ = await open_pair(connected=False, requireInventory=True)
    assert (await sign_ssh(ra, "user", "ada")).status_code == 503
    assert not ra.issuing.ssh_requests
