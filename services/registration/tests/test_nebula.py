"""Nebula: a host of a trusted network gets a certificate for its own name and addresses."""

import base64
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.meshes import HostKey, Mesh, ed25519_of_sign_0, host_token
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
from newel.crypto.nebula.records import Curve
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.nebula import NebulaProvisioner
from newel.registration.provisioners.provisioner import ProvisionerContext, TokenRules
from newel.runtime.errors import NewelError
from newel.step import extension, provisioners, tokens
from newel.step.audiences import Audiences

BEGIN = EPOCH - dt.timedelta(hours=12)
HOUR = dt.timedelta(hours=1)
KINDS = [(version, curve) for version in (1, 2) for curve in Curve]
MESHES = {kind: Mesh.make(BEGIN - dt.timedelta(days=10), *kind) for kind in KINDS}
NET = MESHES[1, Curve.CURVE25519]
HOST = NET.host(BEGIN)
FOREIGN = Mesh.make(BEGIN - dt.timedelta(days=10))
TEMPLATE = """{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, "extKeyUsage": ["clientAuth"],
"extensions": [{"id": "1.3.6.1.4.1.99.1", "value": "{{ join "," .AuthorizationCrt.Groups | b64enc }}"}]}"""


def record(name: str = "mesh", **more: Any) -> dict[str, Any]:
    """A provisioner that trusts every kind of network."""
    text = b"".join(each.pem for each in MESHES.values())
    return {"type": "Nebula", "name": name, "roots": base64.b64encode(text).decode(), **more}


@pytest.fixture
async def ra(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[RegistrationHarness]:
    """A process with Nebula provisioners."""
    admin = JwkKey("admin", keys.generate())
    records = (
        admin.record(),
        record(),
        record("shown", options={"x509": {"template": TEMPLATE}}),
    )
    url = f"sqlite:///{tmp_path}/ra.db"
    opened = await open_registration(url, authority, admin=admin, provisioners=records)
    yield opened
    await opened.database.close()


def token(
    host: tuple[bytes, HostKey] = HOST, name: str = "mesh", sub: str = "host", **more: Any
) -> str:
    """A token for signing, without names of its own."""
    audience = f"{CA}/1.0/sign#nebula/{name}"
    values: dict[str, Any] = {"subject": sub, "audience": audience, "now": EPOCH}
    return host_token(host, name, **values | more)


def causes(ra: RegistrationHarness) -> str:
    """The cause of the last refusal, as the audit trail has it."""
    return str(ra.audit.lines[-1])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_host_gets_its_name_and_its_addresses(
    ra: RegistrationHarness, kind: tuple[int, Curve]
) -> None:
    host = MESHES[kind].host(BEGIN, networks=["10.1.0.1/16", "10.2.0.9/24"])
    answer = await ra.sign(token(host), request_for("host"))
    assert answer.status_code == 201, causes(ra)
    leaf = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert leaf.subject.rfc4514_string() == "CN=host"
    assert leaf.not_valid_after_utc == EPOCH + 12 * HOUR
    value: Any = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(extension.OID)).value
    said = extension.ProvisionerExtension.decode(value.value)
    assert (said.type.name, said.name, said.credential_id) == ("Nebula", "mesh", "")
    names = [name.dns or name.ip for name in ra.issuing.requests[-1].names]
    assert names == ["host", b"\x0a\1\0\1", b"\x0a\2\0\x09"]


async def test_a_token_may_name_fewer(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(sans=["10.1.0.1"]), request_for(common_name=""))
    assert answer.status_code == 201
    assert [name.ip for name in ra.issuing.requests[-1].names] == [b"\x0a\1\0\1"]


async def test_an_address_may_be_the_subject(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(sub="10.1.0.1"), request_for(common_name="10.1.0.1"))
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "more",
    [
        {"sub": "admin.internal"},
        {"sans": ["host", "admin.internal"]},
        {"sans": ["10.1.0.2"]},
        {"sans": ["host", "a@host"]},
        {"sans": ["host", "https://host/"]},
        {"sans": ["*.host"]},
        {"sub": "Host of Bob"},
    ],
)
async def test_another_s_name_is_refused(ra: RegistrationHarness, more: dict[str, Any]) -> None:
    """What the host signs itself is not proved: its certificate alone says who it is."""
    answer = await ra.sign(token(**more), request_for(common_name=""))
    assert answer.status_code == 403, answer.text


async def test_a_request_may_not_add_names(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(), request_for("host", "other"))
    assert "DNS names - got [host other], allowed [host]" in read_message(answer)
    answer = await ra.sign(token(), request_for(common_name="other"))
    assert "valid common name - got other, want host" in read_message(answer)


async def test_a_time_outside_its_window_is_refused(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(), request_for("host"), notAfter="13h")
    assert "after the expiration of the provisioning credential" in read_message(answer)


async def test_a_token_is_used_once(ra: RegistrationHarness) -> None:
    once = token()
    assert (await ra.sign(once, request_for("host"))).status_code == 201
    assert (await ra.sign(once, request_for("host"))).json() == GENERAL_401


async def test_a_template_sees_the_groups(ra: RegistrationHarness) -> None:
    host = NET.host(BEGIN, groups=["servers", "laptops"])
    answer = await ra.sign(token(host, "shown"), request_for("host"))
    assert answer.status_code == 201, causes(ra)
    added = ra.issuing.requests[-1].extensions
    assert [each.value for each in added if each.oid.endswith(".99.1")] == [b"servers,laptops"]


HEADER = "failed to parse token: nebula header is not valid"
CERTIFICATE = "failed to parse nebula certificate: nebula header is not valid"
AUTHORITY = "token is not valid: failed to verify certificate against configured CA"
SIGNATURE = "token is not valid: signature does not match"
CLAIMS = "token is not valid: invalid claims"
GENERAL = GENERAL_401["message"]
OTHER_KEY = ed25519_of_sign_0()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (token(extra_header={}), GENERAL),
        (token(extra_header={"nebula": ["a list"]}), GENERAL),
        (token(extra_header={"nebula": "!"}), HEADER),
        (token(extra_header={"nebula": ""}), CERTIFICATE),
        (token(extra_header={"nebula": "MAA="}), CERTIFICATE),
        (token(FOREIGN.host(BEGIN)), AUTHORITY),
        (token(NET.host(BEGIN, end=EPOCH - dt.timedelta(seconds=1))), AUTHORITY),
        (token(NET.host(EPOCH + HOUR)), AUTHORITY),
        (token((NET.encoded, HOST[1])), AUTHORITY),
        (token((HOST[0], OTHER_KEY)), SIGNATURE),
        (token((MESHES[2, Curve.P256].host(BEGIN)[0], OTHER_KEY)), SIGNATURE),
        (token(NET.host(BEGIN, point=bytes(32))), SIGNATURE),
        (token(NET.host(BEGIN, point=bytes(31) + b"\1" + b"x")), SIGNATURE),
        (token(issuer="other"), CLAIMS),
        (token(now=EPOCH - HOUR), CLAIMS),
        (token(audience=f"{CA}/1.0/revoke#nebula/mesh"), GENERAL),
        (token(sub="", sans=["host"]), GENERAL),
        (token(ssh=tokens.SSHOptions(cert_type="host")), GENERAL),
    ],
)
async def test_what_proves_no_host_is_refused_in_step_ca_s_words(
    ra: RegistrationHarness, text: str, message: str
) -> None:
    answer = await ra.sign(text, request_for("host"))
    assert (answer.status_code, read_message(answer)) == (401, message)
    assert len(ra.issuing.requests) == 1  # the server's own certificate


async def test_a_host_revokes_nothing_by_token(ra: RegistrationHarness) -> None:
    own = token(sub="5", audience=f"{CA}/1.0/revoke#nebula/mesh")
    answer = await ra.post("/revoke", serial="5", ott=own, passive=True)
    assert answer.json() == GENERAL_401


@pytest.mark.parametrize(
    "roots", [b"", b"nothing", NET.pem.replace(b"CERTIFICATE-", b"CERTIFICATE V2-"), b"\xff"]
)
async def test_a_provisioner_without_authorities_is_off_and_listed(
    authority: CertificateAuthority, tmp_path: Path, roots: bytes
) -> None:
    text = base64.b64encode(roots).decode()
    url = f"sqlite:///{tmp_path}/off.db"
    ra = await open_registration(url, authority, provisioners=(record() | {"roots": text},))
    (listed,) = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert listed["state"] == "Uninitialized"
    assert listed["stateReason"].startswith("roots: ")
    await ra.database.close()


PROVISIONER = NebulaProvisioner(
    provisioners.from_mapping(record()),  # type: ignore[arg-type]
    ProvisionerContext(Limits(), True),
)
RULES = TokenRules(Audiences(["ca.example"]), HOUR)


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_no_changed_certificate_proves_a_host(kind: tuple[int, Curve], data: st.DataObject) -> None:
    """The token's key is the host's: only the certificate in the header is changed."""
    encoded, key = REAL[kind]
    at = data.draw(st.integers(0, len(encoded) - 1))
    octets = data.draw(st.binary(max_size=3).filter(lambda new: new != encoded[at : at + 1]))
    changed = encoded[:at] + octets + encoded[at + 1 :]
    with pytest.raises(NewelError):
        PROVISIONER.authorize_sign(tokens.parse(token((changed, key))), RULES, EPOCH)


REAL = {kind: MESHES[kind].host(BEGIN) for kind in KINDS}
