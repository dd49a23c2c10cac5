"""X5C: who holds a certificate under the provisioner's roots gets another, no longer than it lives."""

import base64
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.birth_certificates import ANY, CLIENT, SERVER, Birth, BirthAuthority
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
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.step import extension

BEGIN = EPOCH - dt.timedelta(hours=12)
HOUR = dt.timedelta(hours=1)
AUDIENCE = f"{CA}/1.0/sign#x5c/devices"
MAKER = BirthAuthority.root(BEGIN - dt.timedelta(days=10))
OTHER = BirthAuthority.root(BEGIN - dt.timedelta(days=10))
DEVICE = MAKER.leaf(BEGIN)
TEMPLATE = """{"subject": {{ toJson .AuthorizationCrt.Subject.CommonName }},
"sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"],
"extensions":
[{"id": "1.3.6.1.4.1.99.1", "value": {{ toJson (printf "%d" (len .AuthorizationChain) | b64enc) }}}]}"""


def record(name: str = "devices", roots: str = MAKER.roots, **more: Any) -> dict[str, Any]:
    """A provisioner as in ca.json."""
    return {"type": "X5C", "name": name, "roots": roots, **more}


@pytest.fixture
async def ra(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[RegistrationHarness]:
    """A process with X5C provisioners: of the maker, of another maker, and of this authority itself."""
    admin = JwkKey("admin", keys.generate())
    own = base64.b64encode(authority.root.public_bytes(Encoding.PEM)).decode()
    records = (
        admin.record(),
        record(),
        record("others", OTHER.roots),
        record("own", own),
        record("no-renewal", claims={"disableRenewal": True}),
        record("shown", options={"x509": {"template": TEMPLATE}}),
    )
    url = f"sqlite:///{tmp_path}/ra.db"
    opened = await open_registration(url, authority, admin=admin, provisioners=records)
    yield opened
    await opened.database.close()


def token(
    birth: Birth = DEVICE, name: str = "devices", sub: str = "w.internal", **more: Any
) -> str:
    """A token for signing."""
    values: dict[str, Any] = {
        "subject": sub, "audience": f"{CA}/1.0/sign#x5c/{name}", "now": EPOCH, "sans": [sub],
    }  # fmt: skip # a table
    return birth.token(name, **values | more)


def causes(ra: RegistrationHarness) -> str:
    """The cause of the last refusal, as the audit trail has it."""
    return str(ra.audit.lines[-1])


async def test_a_birth_certificate_becomes_a_workload_certificate(ra: RegistrationHarness) -> None:
    answer = await ra.sign(
        token(sans=["w.internal", "10.0.0.1"]), request_for("w.internal", general=[])
    )
    assert answer.status_code == 201, answer.text
    leaf = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert leaf.subject.rfc4514_string() == "CN=w.internal"
    value: Any = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(extension.OID)).value
    said = extension.ProvisionerExtension.decode(value.value)
    assert (said.type.name, said.name, said.credential_id) == ("X5C", "devices", "")
    asked = ra.issuing.requests[-1]
    assert [name.dns or name.ip for name in asked.names] == ["w.internal", b"\x0a\0\0\1"]
    assert asked.subject_of_proof == "w.internal"


async def test_it_ends_with_the_certificate_that_proved_it(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(), request_for("w.internal"))
    leaf = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert leaf.not_valid_after_utc == DEVICE.certificate.not_valid_after_utc == EPOCH + 12 * HOUR


AFTER = (
    "requested certificate notAfter (2026-11-22 01:00:00 +0000 UTC) is after the expiration of"
    " the provisioning credential (2026-11-22 00:00:00 +0000 UTC)"
)
BEFORE = (
    "requested certificate notBefore (2026-11-20 23:00:00 +0000 UTC) is before the active"
    " validity window of the provisioning credential (2026-11-21 00:00:00 +0000 UTC)"
)


@pytest.mark.parametrize(("begin", "end", "text"), [("", "13h", AFTER), ("-13h", "1h", BEFORE)])
async def test_a_time_outside_its_window_is_refused(
    ra: RegistrationHarness, begin: str, end: str, text: str
) -> None:
    csr = request_for("w.internal")
    answer = await ra.sign(token(), csr, notBefore=begin, notAfter=end)
    assert answer.status_code == 403
    assert text in read_message(answer)


async def test_the_names_are_those_of_the_token(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(sans=["a.internal"]), request_for("b.internal", common_name=""))
    assert "valid DNS names - got [b.internal], want [a.internal]" in read_message(answer)
    answer = await ra.sign(token(sans=["a.internal"]), request_for("a.internal"))
    assert "valid common name - got a.internal, want w.internal" in read_message(answer)
    assert (await ra.sign(token(), request_for("w.internal"))).status_code == 201


async def test_a_token_is_used_once_on_each_database(
    authority: CertificateAuthority, database_url: str
) -> None:
    ra = await open_registration(database_url, authority, provisioners=(record(),))
    once = token()
    answers = [await ra.sign(once, request_for("w.internal")) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 401]
    await ra.database.close()


async def test_intermediates_come_with_the_token(ra: RegistrationHarness) -> None:
    line = MAKER.below(BEGIN).below(BEGIN, "Maker Sub CA").leaf(BEGIN)
    assert (await ra.sign(token(line), request_for("w.internal"))).status_code == 201
    whole = Birth(line.certificate, line.key, (*line.chain, MAKER.der))
    assert (await ra.sign(token(whole), request_for("w.internal"))).status_code == 201


@pytest.mark.parametrize("purposes", [ANY, (*SERVER, *CLIENT), ()])
async def test_purposes_that_have_client_authentication(
    ra: RegistrationHarness, purposes: tuple[x509.ObjectIdentifier, ...]
) -> None:
    own = MAKER.leaf(BEGIN, purposes=purposes)
    assert (await ra.sign(token(own), request_for("w.internal"))).status_code == 201


def _outside_constraints() -> Birth:
    permitted = [x509.DNSName("maker.example")]
    limits = x509.NameConstraints(permitted, None)
    return MAKER.below(BEGIN, extra=[(limits, True)]).leaf(BEGIN, "device.other.example")


def _in_another_order() -> Birth:
    own = MAKER.below(BEGIN).below(BEGIN, "Maker Sub CA").leaf(BEGIN)
    leaf, first, second = own.chain
    return Birth(own.certificate, own.key, (leaf, second, first))


def _authority() -> Birth:
    ca = MAKER.below(BEGIN, purposes=CLIENT, usages=["key_cert_sign", "digital_signature"])
    return Birth(ca.certificate, ca.key, ca.above)


def _below_no_authority() -> Birth:
    return MAKER.below(BEGIN, is_ca=False, usages=["digital_signature"]).leaf(BEGIN)


def _with_unknown_extension() -> Birth:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99.9"), b"\x05\0")
    return MAKER.leaf(BEGIN, extra=[(unknown, True)])


BAD_CHAINS: dict[str, tuple[Birth, str]] = {
    "expired a second ago": (
        MAKER.leaf(BEGIN, end=EPOCH - dt.timedelta(seconds=1)), "has expired",
    ),
    "not valid yet": (MAKER.leaf(EPOCH + HOUR), "not valid yet"),
    "of an unrelated root": (OTHER.leaf(BEGIN), "does not chain"),
    "of a CA": (_authority(), "one of a CA"),
    "for servers only": (MAKER.leaf(BEGIN, purposes=SERVER), "not for client authentication"),
    "below a CA for servers only": (
        MAKER.below(BEGIN, purposes=SERVER).leaf(BEGIN), "not for client authentication",
    ),
    "of a key that may not sign": (
        MAKER.leaf(BEGIN, usages=["key_encipherment"]), "may not make signatures",
    ),
    "without key usages": (MAKER.leaf(BEGIN, usages=()), "may not make signatures"),
    "below what is no CA": (_below_no_authority(), "may not sign certificates"),
    "outside the name constraints": (_outside_constraints(), "name constraints"),
    "in another order": (_in_another_order(), "not in the order"),
    "of a hundred certificates": (
        Birth(DEVICE.certificate, DEVICE.key, DEVICE.chain * 100), "longer than 10",
    ),
    "with an unknown critical extension": (_with_unknown_extension(), "critical"),
    "with another's key": (Birth(DEVICE.certificate, keys.generate(), DEVICE.chain), "signature"),
    "without a chain": (Birth(DEVICE.certificate, DEVICE.key, ()), "no certificate chain"),
    "of no certificate": (Birth(DEVICE.certificate, DEVICE.key, (b"0\0",)), "cannot be read"),
}  # fmt: skip # a table


@pytest.mark.attack("T14")
@pytest.mark.parametrize("case", BAD_CHAINS)
async def test_t14_a_chain_that_proves_nothing_is_refused(
    ra: RegistrationHarness, case: str
) -> None:
    birth, cause = BAD_CHAINS[case]
    answer = await ra.sign(token(birth), request_for("w.internal"))
    assert answer.json() == GENERAL_401
    assert cause in causes(ra)
    assert len(ra.issuing.requests) == 1  # the server's own certificate


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"issuer": "others"}, "iss"),
        ({"audience": f"{CA}/1.0/revoke#x5c/devices"}, "aud"),
        ({"audience": "https://other.example/1.0/sign#x5c/devices"}, "aud"),
        ({"sub": "", "sans": ["w.internal"]}, "sub"),
        ({"now": EPOCH - HOUR}, "exp"),
        ({"extra_header": {"x5c": ["!"]}}, "base64"),
        ({"extra_header": {"x5cInsecure": DEVICE.x5c}}, "no certificate chain"),
        ({"extra_header": {"x5c": "not a list"}}, "malformed"),
    ],
)
async def test_a_token_of_other_claims_is_refused(
    ra: RegistrationHarness, more: dict[str, Any], cause: str
) -> None:
    answer = await ra.sign(token(**more), request_for("w.internal"))
    assert answer.json() == GENERAL_401
    assert cause in causes(ra)


@pytest.mark.attack("T14")
async def test_t14_one_provisioner_s_device_is_not_another_s(ra: RegistrationHarness) -> None:
    for name in ("others", "own"):
        answer = await ra.sign(token(name=name), request_for("w.internal"))
        assert answer.json() == GENERAL_401
    crossed = token(name="others", audience=AUDIENCE)
    assert (await ra.sign(crossed, request_for("w.internal"))).json() == GENERAL_401


@pytest.mark.attack("T14")
async def test_t14_a_certificate_of_this_authority_proves_nothing_once_revoked(
    ra: RegistrationHarness,
) -> None:
    certificate, key = await ra.certificate("foo.internal")
    chain = (
        certificate.public_bytes(Encoding.DER),
        ra.issuing.authority.intermediate.public_bytes(Encoding.DER),
    )
    own = Birth(certificate, key, chain)
    assert (await ra.sign(token(own, "own"), request_for("w.internal"))).status_code == 201
    revoke = ra.admin.revoke_token(certificate.serial_number)
    body = {"serial": str(certificate.serial_number), "ott": revoke, "passive": True}
    assert (await ra.post("/revoke", **body)).status_code == 200
    answer = await ra.sign(token(own, "own"), request_for("w.internal"))
    assert answer.json() == GENERAL_401
    assert "is revoked" in causes(ra)


async def test_a_certificate_of_this_authority_that_is_not_on_record_proves_nothing(
    ra: RegistrationHarness,
) -> None:
    ca = ra.issuing.authority
    above = (ca.intermediate.public_bytes(Encoding.DER),)
    forged = BirthAuthority(ca.intermediate, ca.key, above).leaf(BEGIN)
    answer = await ra.sign(token(forged, "own"), request_for("w.internal"))
    assert answer.json() == GENERAL_401
    assert "not on record" in causes(ra)


async def test_a_record_that_cannot_be_read_is_unavailable_and_not_a_refusal(
    ra: RegistrationHarness,
) -> None:
    certificate, key = await ra.certificate("foo.internal")
    chain = (
        certificate.public_bytes(Encoding.DER),
        ra.issuing.authority.intermediate.public_bytes(Encoding.DER),
    )
    ra.issuing.down = True
    answer = await ra.sign(token(Birth(certificate, key, chain), "own"), request_for("w.internal"))
    assert answer.status_code == 503


async def test_a_template_sees_the_certificate_and_its_chain(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(name="shown"), request_for("w.internal"))
    assert answer.status_code == 201, causes(ra)
    asked = ra.issuing.requests[-1]
    assert [each.value for each in asked.subject] == ["device-1"]
    assert [each.value for each in asked.extensions if each.oid.endswith(".99.1")] == [b"2"]


async def test_a_token_of_one_request_is_for_no_other(ra: RegistrationHarness) -> None:
    bound = token(confirmation="other")
    answer = await ra.sign(bound, request_for("w.internal"))
    assert answer.status_code == 403


async def test_it_revokes_certificates_of_its_own_provisioner(ra: RegistrationHarness) -> None:
    answer = await ra.sign(token(), request_for("w.internal"))
    mine = x509.load_pem_x509_certificate(answer.json()["crt"].encode()).serial_number
    theirs = (await ra.certificate("foo.internal"))[0].serial_number
    for serial, status in ((mine, 200), (theirs, 403)):
        own = token(sub=str(serial), audience=f"{CA}/1.0/revoke#x5c/devices", sans=None)
        body = {"serial": str(serial), "ott": own, "passive": True}
        assert (await ra.post("/revoke", **body)).status_code == status


async def test_a_token_for_ssh_is_refused(ra: RegistrationHarness) -> None:
    from newel.step.tokens import SSHOptions

    answer = await ra.sign(token(ssh=SSHOptions(cert_type="host")), request_for("w.internal"))
    assert answer.json() == GENERAL_401


@pytest.mark.parametrize("name", ["devices", "no-renewal"])
async def test_it_renews_where_the_claims_let_it(ra: RegistrationHarness, name: str) -> None:
    answer = await ra.sign(token(name=name), request_for("w.internal"))
    shown = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    own = shown.public_bytes(Encoding.DER)
    answer = await ra.call("POST", "/renew", b"", certificate=own)
    assert answer.status_code == (201 if name == "devices" else 401)


@pytest.mark.parametrize(
    "roots",
    ["", "!", base64.b64encode(b"nothing").decode(),
     base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n").decode()],
)  # fmt: skip # a table
async def test_a_provisioner_without_roots_is_off_and_listed(
    authority: CertificateAuthority, tmp_path: Path, roots: str
) -> None:
    url = f"sqlite:///{tmp_path}/off.db"
    ra = await open_registration(url, authority, provisioners=(record(roots=roots),))
    (listed,) = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert listed["state"] == "Uninitialized"
    assert listed["stateReason"].startswith("roots: ")
    answer = await ra.sign(token(), request_for("w.internal"))
    assert (
        read_message(answer) == 'provisioner "devices" is disabled due to an initialization error'
    )
    await ra.database.close()


@pytest.mark.attack("X13")
async def test_a_certificate_on_a_key_that_was_declared_compromised_proves_nothing(
    ra: RegistrationHarness,
) -> None:
    """It is another authority's, so that ours has nothing on record that could be revoked."""
    info = DEVICE.certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashlib.sha256(info).digest()
    ra.issuing.blocked[digest] = pb.KeyBlock(key_digest=digest, active=True)
    answer = await ra.sign(token(), request_for("w.internal"))
    assert answer.status_code == 401
    assert "declared compromised" in causes(ra)
    assert "w.internal" not in {each.subject_of_proof for each in ra.issuing.requests}
    ra.issuing.blocked.clear()
    assert (await ra.sign(token(), request_for("w.internal"))).status_code == 201
