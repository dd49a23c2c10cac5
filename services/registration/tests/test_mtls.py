"""mTLS: a client certificate under the provisioner's roots gets a certificate without a token."""

import base64
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.birth_certificates import SERVER, Birth, BirthAuthority
from fixtures.registration import (
    CA,
    GENERAL_401,
    JwkKey,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.crypto import keys
from newel.step import extension

BEGIN = EPOCH - dt.timedelta(hours=12)
HOUR = dt.timedelta(hours=1)
MAKER = BirthAuthority.root(BEGIN - dt.timedelta(days=10))
MIDDLE = MAKER.below(BEGIN)
OTHER = BirthAuthority.root(BEGIN - dt.timedelta(days=10), "Other Root")
AGENT = MIDDLE.leaf(BEGIN, "agent-1", names=["agent-1.internal", "10.0.0.1"])
TEMPLATE = """{"subject": {{ toJson .Subject }}, "sans": [{"type": "dns", "value":
{{ printf "%s.agents.internal" .AuthorizationCrt.Subject.CommonName | toJson }}}]}"""


def bundle(*authorities: BirthAuthority) -> str:
    """Certificates as a record's ``roots``."""
    text = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities)
    return base64.b64encode(text).decode()


def record(name: str = "agents", roots: str = "", **more: Any) -> dict[str, Any]:
    """A provisioner as in ca.json."""
    return {"type": "mTLS", "name": name, "roots": roots or bundle(MAKER, MIDDLE), **more}


POLICY = {"x509": {"allow": {"dns": ["*.internal"]}}}


@pytest.fixture
async def ra(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[RegistrationHarness]:
    """A process with one mTLS provisioner for the maker, and one for this authority itself."""
    own = b"".join(
        each.public_bytes(Encoding.PEM) for each in (authority.root, authority.intermediate)
    )
    records = (record(), record("own", base64.b64encode(own).decode()))
    opened = await start(authority, tmp_path, *records)
    yield opened
    await opened.database.close()


async def start(
    authority: CertificateAuthority, folder: Path, *records: dict[str, Any]
) -> RegistrationHarness:
    """A process with these provisioners beside its first one."""
    admin = JwkKey("admin", keys.generate())
    url = f"sqlite:///{folder}/ra.db"
    return await open_registration(
        url, authority, admin=admin, provisioners=(admin.record(), *records)
    )


async def sign(
    ra: RegistrationHarness, csr: str, client: Birth | None = AGENT, query: str = "", **more: Any
) -> httpx.Response:
    """``/sign`` by a client that TLS proved."""
    shown = client.chain[0] if client else None
    return await ra.call("POST", f"/sign{query}", {"csr": csr, **more}, certificate=shown)


async def test_a_client_gets_its_own_names_again(ra: RegistrationHarness) -> None:
    answer = await sign(ra, request_for(common_name=""))
    assert answer.status_code == 201, ra.audit.lines[-1]
    leaf = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert leaf.subject.rfc4514_string() == "CN=agent-1"
    assert leaf.not_valid_after_utc == EPOCH + 12 * HOUR
    names = [name.dns or name.ip for name in ra.issuing.requests[-1].names]
    assert names == ["agent-1.internal", b"\x0a\0\0\1"]
    value: Any = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(extension.OID)).value
    said = extension.ProvisionerExtension.decode(value.value)
    print_ = hashlib.sha256(AGENT.chain[0]).hexdigest()
    assert (said.type.name, said.name, said.credential_id) == ("mTLS", "agents", print_)
    event, outcome, facts = ra.audit.lines[-1]
    assert (event, outcome, facts["proof"]) == ("sign", "granted", "tls")
    assert facts["client_certificate"] == print_


async def test_it_may_come_again(ra: RegistrationHarness) -> None:
    csr = request_for("agent-1.internal", common_name="agent-1")
    serials = set[int]()
    for _ in range(2):
        answer = await sign(ra, csr)
        shown = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
        serials.add(shown.serial_number)
    assert len(serials) == 2


async def test_another_s_names_are_refused(ra: RegistrationHarness) -> None:
    answer = await sign(ra, request_for("other.internal", common_name=""))
    assert answer.status_code == 403
    assert "[other.internal]" in read_message(answer)
    answer = await sign(ra, request_for(common_name="other"))
    assert "valid common name - got other, want [agent-1 agent-1.internal" in read_message(answer)


async def test_a_common_name_is_the_name_of_a_certificate_without_others(
    ra: RegistrationHarness,
) -> None:
    own = MIDDLE.leaf(BEGIN, "agent-2.internal", names=[])
    assert (await sign(ra, request_for(), own)).status_code == 201
    assert [name.dns for name in ra.issuing.requests[-1].names] == ["agent-2.internal"]


async def test_a_time_outside_its_window_is_refused(ra: RegistrationHarness) -> None:
    answer = await sign(ra, request_for(), notAfter="13h")
    assert "after the expiration of the provisioning credential" in read_message(answer)


BAD_CLIENTS = {
    "expired a second ago": (
        MIDDLE.leaf(BEGIN, end=EPOCH - dt.timedelta(seconds=1)), "has expired",
    ),
    "of an unrelated root": (OTHER.leaf(BEGIN), "no such mTLS provisioner"),
    "of a namesake of the root": (
        BirthAuthority.root(BEGIN - HOUR).leaf(BEGIN), "does not chain",
    ),
    "for servers only": (MIDDLE.leaf(BEGIN, purposes=SERVER), "not for client authentication"),
    "of a CA": (Birth(MIDDLE.certificate, MIDDLE.key, MIDDLE.above), "one of a CA"),
}  # fmt: skip # a table


@pytest.mark.attack("T14")
@pytest.mark.parametrize("case", BAD_CLIENTS)
async def test_t14_a_client_certificate_that_proves_nothing_is_refused(
    ra: RegistrationHarness, case: str
) -> None:
    client, cause = BAD_CLIENTS[case]
    answer = await sign(ra, request_for("agent-1.internal"), client)
    assert answer.json() == GENERAL_401
    assert cause in str(ra.audit.lines[-1])
    assert len(ra.issuing.requests) == 1  # the server's own certificate


@pytest.mark.attack("T14")
async def test_t14_a_certificate_of_this_authority_proves_nothing_once_revoked(
    ra: RegistrationHarness,
) -> None:
    certificate, key = await ra.certificate("foo.internal")
    own = Birth(certificate, key, (certificate.public_bytes(Encoding.DER),))
    assert (await sign(ra, request_for(), own)).status_code == 201
    revoke = ra.admin.revoke_token(certificate.serial_number)
    await ra.post("/revoke", serial=str(certificate.serial_number), ott=revoke, passive=True)
    assert (await sign(ra, request_for(), own)).json() == GENERAL_401


async def test_without_a_client_certificate_a_token_is_missing(ra: RegistrationHarness) -> None:
    answer = await sign(ra, request_for("agent-1.internal"), None)
    assert read_message(answer) == "The request could not be completed: missing ott."


async def test_without_an_mtls_provisioner_a_token_is_missing(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    ra = await start(authority, tmp_path)
    answer = await sign(ra, request_for("agent-1.internal"))
    assert read_message(answer) == "The request could not be completed: missing ott."
    await ra.database.close()


async def test_a_token_comes_before_the_client_certificate(ra: RegistrationHarness) -> None:
    token = ra.admin.token("foo.internal")
    answer = await sign(ra, request_for("foo.internal"), ott=token)
    assert answer.status_code == 201
    assert ra.audit.lines[-1][2]["provisioner"] == "admin"
    answer = await sign(ra, request_for("agent-1.internal"), ott="x")
    assert answer.json() == GENERAL_401


async def test_a_client_of_several_provisioners_names_one(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    ra = await start(
        authority, tmp_path, record(), record("second"), record("off", newel={"disabled": True})
    )
    answer = await sign(ra, request_for())
    assert answer.status_code == 400
    assert "name one: /sign?provisioner=NAME" in read_message(answer)
    answer = await sign(ra, request_for(), query="?provisioner=second")
    assert answer.status_code == 201
    assert ra.audit.lines[-1][2]["provisioner"] == "second"
    for name in ("admin", "off", "none", "x" * 2000):
        answer = await sign(ra, request_for(), query=f"?provisioner={name}")
        assert answer.json() == GENERAL_401
    await ra.database.close()


async def test_custom_names_are_those_of_the_policy(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    ra = await start(authority, tmp_path, record(allowCustomSANs=True, policy=POLICY))
    answer = await sign(ra, request_for("web.internal"))
    assert answer.status_code == 201
    leaf = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert leaf.subject.rfc4514_string() == "CN=web.internal"
    for csr in (request_for("web.example"), request_for("web.internal", common_name="web.example")):
        answer = await sign(ra, csr)
        assert answer.status_code == 403
    await ra.database.close()


async def test_a_template_names_the_client(authority: CertificateAuthority, tmp_path: Path) -> None:
    options = {"x509": {"template": TEMPLATE}}
    ra = await start(authority, tmp_path, record(options=options))
    assert (await sign(ra, request_for())).status_code == 201
    names = [name.dns for name in ra.issuing.requests[-1].names]
    assert names == ["agent-1.agents.internal"]
    await ra.database.close()


async def test_a_token_names_it_in_vain(ra: RegistrationHarness) -> None:
    audience = f"{CA}/1.0/sign#mtls/agents"
    token = AGENT.token("agents", subject="agent-1", audience=audience, now=EPOCH)
    answer = await ra.sign(token, request_for("agent-1.internal"))
    assert "token flow is not supported" in read_message(answer)


async def test_its_certificates_are_renewed_as_others(ra: RegistrationHarness) -> None:
    answer = await sign(ra, request_for())
    shown = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    answer = await ra.call("POST", "/renew", b"", certificate=shown.public_bytes(Encoding.DER))
    assert answer.status_code == 201


@pytest.mark.attack("T14")
@pytest.mark.parametrize("path", ["/renew", "/rekey", "/revoke"])
async def test_t14_a_client_of_another_authority_gets_nothing_but_a_certificate(
    ra: RegistrationHarness, path: str
) -> None:
    """Though the listener accepts it, and though its step extension names a provisioner."""
    said = extension.ProvisionerExtension(extension.ProvisionerType.JWK, "admin", ra.admin.kid)
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier(extension.OID), said.encode())
    client = MIDDLE.leaf(BEGIN, extra=[(value, False)])
    serial = str(client.certificate.serial_number)
    body = {"csr": request_for("x"), "serial": serial, "passive": True}
    answer = await ra.call("POST", path, body, certificate=client.chain[0])
    assert answer.status_code == (404 if path == "/revoke" else 401)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"roots": bundle(MIDDLE)}, "no self-signed"),
        ({"roots": "!"}, "roots: "),
        ({"allowCustomSANs": True}, "every client could have every name"),
        (
            {"allowCustomSANs": True, "policy": {"x509": {"deny": {"dns": ["a.internal"]}}}},
            "every client could have every name",
        ),
    ],
)
async def test_a_provisioner_that_cannot_be_used_is_off_and_listed(
    authority: CertificateAuthority, tmp_path: Path, more: dict[str, Any], reason: str
) -> None:
    ra = await start(authority, tmp_path, record(**more))
    listed = (await ra.call("GET", "/provisioners")).json()["provisioners"][-1]
    assert listed["state"] == "Uninitialized"
    assert reason in listed["stateReason"]
    answer = await sign(ra, request_for())
    assert read_message(answer) == "The request could not be completed: missing ott."
    await ra.database.close()


async def test_a_query_of_too_many_fields_is_refused_and_audited(ra: RegistrationHarness) -> None:
    answer = await sign(ra, request_for(common_name=""), query="?" + "&".join(["a=1"] * 40))
    assert answer.status_code == 400, answer.text
    event, outcome, _ = ra.audit.lines[-1]
    assert (event, outcome) == ("sign", "refused")
