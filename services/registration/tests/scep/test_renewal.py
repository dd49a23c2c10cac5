"""RenewalReq: a successor for the holder of a certificate of this provisioner."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.authority import CertificateAuthority
from fixtures.registration import JwkKey, RegistrationHarness
from fixtures.scep_client import SCEPClient, request_of, rsa_key
from fixtures.scep_harness import CHALLENGE, SCEPHarness, open_scep, record
from newel.crypto import keys
from newel.scep.constants import FailInfo, MessageType

RENEWAL = MessageType.RENEWAL_REQ


async def enrol(scep: SCEPHarness, *names: str) -> SCEPClient:
    """A client with a certificate of the provisioner, by which it signs from now on."""
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, *names, challenge=CHALLENGE))
    client.certificate = answer.certificates[0]
    client.transaction = "renewal-1"
    return client


def revoke(ra: RegistrationHarness, certificate: x509.Certificate) -> None:
    """Leave the record of a certificate as a revocation does."""
    serial = certificate.serial_number.to_bytes(16, "big")
    ra.issuing.records[serial].revoked.serial = serial


async def test_the_certificate_signs_for_its_successor_with_a_new_key(
    each_scep: SCEPHarness,
) -> None:
    client, new_key = await enrol(each_scep, "a.example"), rsa_key()
    each_scep.ra.clock.advance(dt.timedelta(hours=8))
    answer = await each_scep.ask(client, request_of(new_key, "a.example"), RENEWAL)
    (certificate,) = answer.certificates
    assert client.certificate is not None
    assert certificate.subject == client.certificate.subject
    assert certificate.not_valid_after_utc > client.certificate.not_valid_after_utc
    assert certificate.public_key() == new_key.public_key()
    assert each_scep.ra.audit.outcomes("scep.renew") == ["granted"]


async def test_a_renewal_may_leave_its_names_to_the_certificate(scep: SCEPHarness) -> None:
    client = await enrol(scep, "a.example")
    assert (await scep.ask(client, request_of(rsa_key()), RENEWAL)).status == 0


@pytest.mark.attack("P01")
@pytest.mark.parametrize(
    ("common_name", "names"), [("device", ("b.example",)), ("another", ("a.example",))]
)
async def test_a_renewal_gets_no_other_names(
    scep: SCEPHarness, common_name: str, names: tuple[str, ...]
) -> None:
    client = await enrol(scep, "a.example")
    request = request_of(rsa_key(), *names, common_name=common_name)
    answer = await scep.ask(client, request, RENEWAL)
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert not scep.ra.issuing.renewals


@pytest.mark.attack("P01")
async def test_a_self_signed_certificate_renews_nothing(scep: SCEPHarness) -> None:
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=CHALLENGE), RENEWAL)
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_CERT_ID)


@pytest.mark.attack("P01")
async def test_a_certificate_of_another_provisioner_renews_nothing(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    admin = JwkKey("admin", keys.generate())
    scep = await open_scep(
        f"sqlite:///{tmp_path}/ra.db", authority, record(), admin.record(), admin=admin
    )
    key = rsa_key()
    token = admin.token("device", scep.ra.clock.now(), sans=["device"])
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = x509.load_der_x509_csr(request_of(key)).public_bytes(Encoding.PEM).decode()
    response = await scep.ra.sign(token, pem)
    certificate = x509.load_pem_x509_certificate(response.json()["crt"].encode())
    client = SCEPClient(key, certificate)
    answer = await scep.ask(client, request_of(rsa_key()), RENEWAL)
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_CERT_ID)
    await scep.ra.database.close()


@pytest.mark.attack("P01")
async def test_an_expired_certificate_renews_nothing_unless_it_may(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    late = record(name="late", claims={"allowRenewalAfterExpiry": True})
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, record(), late)
    client = await enrol(scep)
    scep.ra.clock.advance(dt.timedelta(hours=30))
    answer = await scep.ask(client, request_of(rsa_key()), RENEWAL)
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_TIME)
    await scep.ra.database.close()


@pytest.mark.attack("P01")
async def test_a_revoked_certificate_renews_nothing(each_scep: SCEPHarness) -> None:
    client = await enrol(each_scep)
    assert client.certificate is not None
    revoke(each_scep.ra, client.certificate)
    answer = await each_scep.ask(client, request_of(rsa_key()), RENEWAL)
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert answer.certificates == []


async def test_renewals_are_refused_where_the_claims_disable_them(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    scep = await open_scep(
        f"sqlite:///{tmp_path}/ra.db", authority, record(claims={"disableRenewal": True})
    )
    client = await enrol(scep)
    answer = await scep.ask(client, request_of(rsa_key()), RENEWAL)
    assert "disabled" in answer.text
    await scep.ra.database.close()
