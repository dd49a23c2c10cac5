"""GetCACaps, GetCACert, GetNextCACert, and what HTTP requests may look like."""

import base64
import datetime as dt
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from fixtures.authority import CertificateAuthority
from fixtures.scep_client import SCEPClient, read_answer, request_of
from fixtures.scep_harness import CHALLENGE, SCEPHarness, open_scep, record
from newel.runtime.database.contract import Statement
from newel.scep import cms, responses

KEYS = Statement("SELECT private_key FROM scep_transport_keys")
CAPABILITIES = "AES SHA-256 SHA-384 SHA-512 POSTPKIOperation Renewal SCEPStandard"


async def test_capabilities_are_those_of_the_server_or_of_the_record(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    own = record(name="own", capabilities=["AES", "Renewal"])
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, record(), own)
    response = await scep.get("GetCACaps")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.split("\r\n") == CAPABILITIES.split()
    assert (await scep.get("GetCACaps", "/scep/own")).text == "AES\r\nRenewal"
    await scep.ra.database.close()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("own", "intermediate")),
        ({"includeRoot": True}, ("own", "intermediate", "root")),
        ({"excludeIntermediate": True}, ("own",)),
    ],
)
async def test_get_ca_cert_lists_the_certificate_to_encrypt_to_first(
    authority: CertificateAuthority,
    tmp_path: Path,
    more: dict[str, bool],
    expected: tuple[str, ...],
) -> None:
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, record(**more))
    known = {
        "own": scep.certificate,
        "intermediate": authority.intermediate,
        "root": authority.root,
    }
    ders = [known[name].public_bytes(Encoding.DER) for name in expected]
    response = await scep.get("GetCACert")
    several = len(ders) > 1
    kind = "application/x-x509-ca-ra-cert" if several else "application/x-x509-ca-cert"
    assert response.headers["content-type"] == kind
    assert response.content == (responses.certificates_only(ders) if several else ders[0])
    await scep.ra.database.close()


async def test_get_next_ca_cert_is_signed_once_there_is_one(scep: SCEPHarness) -> None:
    scep.ra.clock.advance(dt.timedelta(days=-30))  # before the intermediate begins
    response = await scep.get("GetNextCACert")
    assert response.headers["content-type"] == "application/x-x509-next-ca-cert"
    signed = cms.read_signed_data(response.content)
    public_key = scep.certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)
    public_key.verify(signed.signature, signed.attributes, padding.PKCS1v15(), hashes.SHA256())
    chain = scep.ra.issuing.authority.intermediate.public_bytes(Encoding.DER)
    assert signed.content == responses.certificates_only([chain])
    assert "GetNextCACert" in (await scep.get("GetCACaps")).text.split("\r\n")


async def test_get_next_ca_cert_is_not_found_while_there_is_none(scep: SCEPHarness) -> None:
    assert (await scep.get("GetNextCACert")).status_code == 404


@pytest.mark.parametrize("escape", [True, False])
async def test_a_message_may_come_in_the_query(scep: SCEPHarness, escape: bool) -> None:
    client = SCEPClient()
    message = client.message(request_of(client.key, challenge=CHALLENGE), scep.certificate)
    text = base64.b64encode(message).decode()
    shown = quote(text, safe="") if escape else text  # some clients leave plus signs as they are
    response = await scep.ra.call(
        "GET", f"/scep/devices/pkiclient.exe?operation=PKIOperation&message={shown}"
    )
    assert read_answer(response.content, client, scep.certificate).status == 0


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/scep/unknown?operation=GetCACert", 404),
        ("GET", "/scep/admin?operation=GetCACert", 404),
        ("GET", "/scep/devices", 400),
        ("GET", "/scep/devices?operation=Other", 400),
        ("POST", "/scep/devices?operation=GetCACert", 405),
        ("PUT", "/scep/devices?operation=PKIOperation", 405),
        ("GET", "/scep/devices?operation=PKIOperation&message=%21%21", 400),
        ("POST", "/scep/devices?operation=PKIOperation", 400),
    ],
)
async def test_other_requests_are_refused(
    scep: SCEPHarness, method: str, target: str, status: int
) -> None:
    response = await scep.ra.call(method, target, b"no message" if method == "POST" else None)
    assert response.status_code == status
    assert response.text.endswith("\n")
    assert scep.ra.audit.outcomes("scep.request") == ["refused"]


async def test_a_message_that_is_too_large_is_refused(scep: SCEPHarness) -> None:
    assert (await scep.post(bytes(300_000))).status_code == 413


async def test_a_disabled_provisioner_answers_nothing(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    scep = await open_scep(
        f"sqlite:///{tmp_path}/ra.db", authority, record(newel={"disabled": True})
    )
    assert (await scep.get("GetCACert")).status_code == 404
    await scep.ra.database.close()


@pytest.mark.attack("T02")
async def test_a_token_that_names_a_scep_provisioner_gets_nothing(scep: SCEPHarness) -> None:
    token = scep.ra.admin.token("x", audience="https://ca.example/1.0/sign#scep/devices")
    pem = request_of(SCEPClient().key)
    text = x509.load_der_x509_csr(pem).public_bytes(Encoding.PEM).decode()
    response = await scep.ra.sign(token, text)
    assert response.status_code == 400
    assert "token flow is not supported" in response.text


async def ask_certificate(scep: SCEPHarness) -> x509.Certificate:
    """Return the certificate that messages are encrypted to."""
    (found,) = [
        each
        for each in pkcs7.load_der_pkcs7_certificates((await scep.get("GetCACert")).content)
        if each.subject.rfc4514_string() == "CN=SCEP registration authority"
    ]
    return found


@pytest.mark.filterwarnings("ignore:PKCS#7 certificates could not be parsed as DER")
async def test_transport_keys_are_made_kept_and_replaced(
    authority: CertificateAuthority, database_url: str, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("for the database")
    password.chmod(0o600)
    plain = {name: value for name, value in record().items() if "decrypter" not in name}
    settings = {"scep": {"key_password_file": password}}
    scep = await open_scep(database_url, authority, plain, **settings)
    first = await ask_certificate(scep)
    assert await ask_certificate(scep) == first
    scep.ra.clock.advance(dt.timedelta(days=41))
    scep.ra.issuing.down = True
    assert await ask_certificate(scep) == first  # which is valid for some days more
    scep.ra.issuing.down = False
    scep.ra.clock.advance(dt.timedelta(minutes=1))
    second = await ask_certificate(scep)
    assert second != first
    # a client that knows the earlier certificate is still answered, by the earlier key
    scep.certificate = first
    client = SCEPClient()
    assert (await scep.ask(client, request_of(client.key, challenge=CHALLENGE))).status == 0
    for each in (first, second):  # neither is, nor has the key of, an authority
        assert each.public_key() not in (authority.key.public_key(), authority.root.public_key())
        with pytest.raises(x509.ExtensionNotFound):
            each.extensions.get_extension_for_class(x509.BasicConstraints)
    stored = await scep.ra.database.fetch(KEYS)
    assert all(b"ENCRYPTED" in bytes(row[0]) for row in stored)
    await scep.ra.database.close()
