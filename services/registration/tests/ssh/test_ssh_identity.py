"""The X.509 certificate beside an SSH certificate: whom it names, how long it lasts, and its renewal."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority
from fixtures.registration import (
    JwkKey,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from fixtures.ssh_api import (
    ENABLED,
    SSHPOP,
    encode,
    host_of,
    pop_token,
    read_certificate,
    sign,
    ssh_token,
)
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.proto.issuing.v1 import issuing_pb2 as pb

DENIED = {"policy": {"x509": {"deny": {"dns": ["alice"]}}}}


@pytest.fixture
async def ssh(
    authority: CertificateAuthority, tmp_path: Path
) -> AsyncIterator[RegistrationHarness]:
    admin = JwkKey("admin", keys.generate())
    denied = JwkKey("denied", admin.key)
    opened = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        provisioners=(admin.record(**ENABLED), denied.record(**ENABLED, **DENIED), SSHPOP),
    )
    yield opened
    await opened.database.close()


def read_identity(answer: httpx.Response) -> x509.Certificate:
    assert answer.status_code == 201, answer.text
    leaf, *_ = [
        x509.load_pem_x509_certificate(each.encode()) for each in answer.json()["identityCrt"]
    ]
    return leaf


def read_names(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each.value) for each in names]


def identities(ssh: RegistrationHarness) -> list[pb.Request]:
    """What the issuing authority was asked for; the server's own certificate is of no provisioner."""
    return [each for each in ssh.issuing.requests if each.provisioner.name]


async def test_an_identity_has_the_token_s_name_and_the_validity_of_the_ssh_certificate(
    ssh: RegistrationHarness,
) -> None:
    key = keys.generate()
    token = ssh_token(ssh.admin)
    answer = await sign(ssh, token, identityCSR=request_for("alice", key=key), validBefore="2h")
    made, identity = read_certificate(answer), read_identity(answer)
    assert identity.public_key() == key.public_key()
    assert identity.subject.rfc4514_string() == "CN=alice"
    assert read_names(identity) == ["alice"]
    assert identity.not_valid_before_utc.timestamp() == made.valid_after
    assert identity.not_valid_after_utc.timestamp() == made.valid_before
    chain = answer.json()["identityCrt"]
    assert len(chain) == 2
    identity.verify_directly_issued_by(x509.load_pem_x509_certificate(chain[1].encode()))
    facts = ssh.audit.lines[-1][2]
    assert facts["identity_serial"] == ssh.issuing.issued.popitem()[1].serial.hex()


async def test_a_host_may_add_one_id(ssh: RegistrationHarness) -> None:
    ids = [uuid.uuid4().urn for _ in range(2)]

    async def ask(*uris: str) -> httpx.Response:
        names: list[x509.GeneralName] = [
            x509.DNSName("a.example"),
            *map(x509.UniformResourceIdentifier, uris),
        ]
        csr = request_for(common_name="a.example", general=names)
        token = ssh_token(ssh.admin, "a.example", ssh.clock.now(), cert_type="host")
        return await sign(ssh, token, identityCSR=csr)

    answer = await ask(ids[0])
    assert read_names(read_identity(answer)) == ["a.example", ids[0]]
    length = dt.timedelta(hours=720, minutes=1)
    identity = read_identity(answer)
    assert identity.not_valid_after_utc - identity.not_valid_before_utc == length
    for refused in (ids, ["https://a.example/"], ["urn:uuid:none"]):
        assert (await ask(*refused)).status_code == 403
    assert len(ssh.issuing.ssh_requests) == len(identities(ssh)) == 1


@pytest.mark.parametrize(
    ("csr", "status", "text"),
    [
        (request_for("bob"), 403, "valid common name"),
        (request_for("bob", common_name="alice"), 403, "valid DNS names"),
        ("none", 400, "error decoding json"),
    ],
)  # fmt: skip # refusals in rows
async def test_an_identity_beyond_the_token_is_refused_and_nothing_is_issued(
    ssh: RegistrationHarness, csr: str, status: int, text: str
) -> None:
    token = ssh_token(ssh.admin)
    answer = await sign(ssh, token, identityCSR=csr)
    assert answer.status_code == status
    assert text in read_message(answer)
    assert ssh.audit.lines[-1][:2] == ("ssh-sign", "refused")
    assert ssh.issuing.ssh_requests == identities(ssh) == []
    answer = await sign(ssh, token, identityCSR=request_for("alice"))  # the token is not used up
    assert answer.status_code == 201


async def test_the_policy_on_names_holds_for_identities(ssh: RegistrationHarness) -> None:
    token = ssh_token(JwkKey("denied", ssh.admin.key))
    answer = await sign(ssh, token, identityCSR=request_for("alice"))
    assert answer.status_code == 403
    assert ssh.issuing.ssh_requests == identities(ssh) == []
    assert (await sign(ssh, token)).status_code == 201


async def test_a_token_gives_one_identity(ssh: RegistrationHarness) -> None:
    """At once, and after an issuing authority that did not answer."""
    token, key, csr = ssh_token(ssh.admin), keys.generate(), request_for("alice")
    ssh.issuing.ssh_down = True
    assert (await sign(ssh, token, key, identityCSR=csr)).status_code == 503
    ssh.issuing.ssh_down = False
    answers = await asyncio.gather(*[sign(ssh, token, key, identityCSR=csr) for _ in range(20)])
    assert sorted(each.status_code for each in answers) == [201, *[401] * 19]
    assert len(ssh.issuing.ssh_issued) == 1
    assert len({each.idempotency_key for each in identities(ssh)}) == 1


async def test_a_host_that_shows_its_identity_has_it_renewed(ssh: RegistrationHarness) -> None:
    host_key = keys.generate()
    csr = request_for("a.example")
    token = ssh_token(ssh.admin, "a.example", ssh.clock.now(), cert_type="host")
    answer = await sign(ssh, token, host_key, identityCSR=csr)
    old, before = read_certificate(answer), read_identity(answer)
    ssh.clock.advance(dt.timedelta(days=20))
    new_key = keys.generate()

    async def renew(method: str, shown: x509.Certificate, **more: Any) -> httpx.Response:
        body = {"ott": pop_token(ssh, old, host_key, method), **more}
        return await ssh.call(
            "POST", f"/ssh/{method}", body, certificate=shown.public_bytes(Encoding.DER)
        )

    answer = await renew("renew", before)
    after = read_identity(answer)
    assert after.public_key() == before.public_key()
    assert after.serial_number != before.serial_number
    made = read_certificate(answer)
    assert abs(after.not_valid_after_utc.timestamp() - made.valid_before) <= 60
    assert "identity_serial" in ssh.audit.lines[-1][2]
    answer = await renew("rekey", after, publicKey=encode(wire_of(new_key)))
    assert read_identity(answer).serial_number != after.serial_number


async def test_a_host_whose_identity_is_revoked_renews_nothing_by_it(
    ssh: RegistrationHarness,
) -> None:
    old, key = await host_of(ssh)
    certificate, _ = await ssh.certificate("a.example")
    serial = certificate.serial_number
    revoked = await ssh.post(
        "/revoke", serial=str(serial), ott=ssh.admin.revoke_token(serial), passive=True
    )
    assert revoked.status_code == 200
    before = len(ssh.issuing.ssh_requests)
    body = {"ott": pop_token(ssh, old, key, "renew")}
    shown = certificate.public_bytes(Encoding.DER)
    assert (await ssh.call("POST", "/ssh/renew", body, certificate=shown)).status_code == 401
    assert len(ssh.issuing.ssh_requests) == before
