"""PKCSReq: a first certificate for clients that know the challenge, and for no others."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from fixtures.authority import CertificateAuthority
from fixtures.scep_client import SCEPClient, request_of, rsa_key, self_signed
from fixtures.scep_harness import CHALLENGE, SCEPHarness, open_scep, record
from newel.crypto import keys
from newel.scep.constants import FailInfo
from newel.scep.envelopes import UNREADABLE

ORGANIZATION = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")


async def test_a_device_with_the_challenge_gets_its_subject_names_and_key(
    each_scep: SCEPHarness,
) -> None:
    client = SCEPClient()
    request = request_of(
        client.key, "a.example", "b.example", challenge=CHALLENGE, subject=(ORGANIZATION,)
    )
    answer = await each_scep.ask(client, request)
    (certificate,) = answer.certificates
    assert answer.status == 0
    assert certificate.subject.rfc4514_string() == "CN=device,O=Example"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "b.example"]
    assert certificate.public_key() == client.key.public_key()
    assert each_scep.ra.audit.outcomes("scep.enrol") == ["granted"]
    assert CHALLENGE not in str(each_scep.ra.audit.lines)


@pytest.mark.attack("P01")
@pytest.mark.parametrize("challenge", [None, "", "wrong", f"{CHALLENGE} "])
async def test_a_challenge_that_is_absent_empty_or_wrong_gets_nothing(
    scep: SCEPHarness, challenge: str | None
) -> None:
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=challenge))
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert answer.text == "the challenge password is wrong or missing"
    assert scep.issued_count == 0
    _, outcome, facts = scep.ra.audit.lines[-1]
    assert (outcome, facts["type"], facts["provisioner"]) == ("refused", "unauthorized", "devices")


@pytest.mark.attack("P01")
@pytest.mark.parametrize("kind", [0, 3, 18, 99, 17, 20, 21, 22])
async def test_no_other_type_of_message_gets_a_first_certificate(
    scep: SCEPHarness, kind: int
) -> None:
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=CHALLENGE), kind)
    assert answer.status == 2
    assert scep.issued_count == 0


@pytest.mark.attack("P01")
async def test_a_message_signed_by_another_key_than_the_requests_gets_nothing(
    scep: SCEPHarness,
) -> None:
    thief, owner = SCEPClient(), rsa_key()
    answer = await scep.ask(thief, request_of(owner, challenge=CHALLENGE))
    assert (answer.fail_info, answer.text) == (FailInfo.BAD_MESSAGE_CHECK, UNREADABLE)
    assert scep.issued_count == 0


@pytest.mark.attack("P01")
@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"no request at all"])
async def test_what_is_wrong_with_the_plain_text_is_answered_alike(
    scep: SCEPHarness, content: bytes
) -> None:
    answer = await scep.ask(SCEPClient(), content)
    assert (answer.fail_info, answer.text) == (FailInfo.BAD_MESSAGE_CHECK, UNREADABLE)


async def test_a_repeated_message_gets_the_same_certificate(each_scep: SCEPHarness) -> None:
    client = SCEPClient()
    request = request_of(client.key, challenge=CHALLENGE)
    first, second = await each_scep.ask(client, request), await each_scep.ask(client, request)
    assert first.certificates == second.certificates


@pytest.mark.attack("P01")
async def test_a_transaction_id_serves_no_other_request(each_scep: SCEPHarness) -> None:
    first, second = SCEPClient(), SCEPClient()  # of the same transaction id
    await each_scep.ask(first, request_of(first.key, challenge=CHALLENGE))
    answer = await each_scep.ask(second, request_of(second.key, challenge=CHALLENGE))
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert "transaction" in answer.text
    assert each_scep.issued_count == 1


async def test_a_key_that_is_too_short_for_the_provisioner_is_refused(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    scep = await open_scep(
        f"sqlite:///{tmp_path}/ra.db", authority, record(minimumPublicKeyLength=3072)
    )
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=CHALLENGE))
    assert "2048 bits" in answer.text
    await scep.ra.database.close()


@pytest.mark.parametrize(
    ("common_name", "names"),
    [("phone.example", ["phone.example"]), ("Alice's phone", []), ("", ["a.example"])],
)
async def test_the_common_name_is_a_name_where_it_can_be_one(
    scep: SCEPHarness, common_name: str, names: list[str]
) -> None:
    client = SCEPClient()
    asked = () if common_name else ("a.example",)
    request = request_of(client.key, *asked, common_name=common_name, challenge=CHALLENGE)
    assert (await scep.ask(client, request)).status == 0
    assert [name.dns for name in scep.ra.issuing.requests[-1].names] == names


async def test_force_cn_takes_the_first_name(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, record(forceCN=True))
    client = SCEPClient()
    request = request_of(client.key, "a.example", common_name="", challenge=CHALLENGE)
    (certificate,) = (await scep.ask(client, request)).certificates
    assert certificate.subject.rfc4514_string() == "CN=a.example"
    await scep.ra.database.close()


async def test_a_template_decides_what_is_in_the_certificate(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    template = (
        '{"subject": {"commonName": {{ toJson .Subject.CommonName }}, "organization": "Ours"}}'
    )
    scep = await open_scep(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        record(options={"x509": {"template": template}}),
    )
    client = SCEPClient()
    request = request_of(client.key, common_name="phone", challenge=CHALLENGE)
    (certificate,) = (await scep.ask(client, request)).certificates
    assert "O=Ours" in certificate.subject.rfc4514_string()
    await scep.ra.database.close()


async def test_des_is_refused_until_it_is_allowed(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    both = (
        record(),
        record(name="old", newel={"allowDES": True}),
    )
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, *both)
    client = SCEPClient()
    request = request_of(client.key, challenge=CHALLENGE)
    assert (await scep.ask(client, request, cipher="des")).fail_info == FailInfo.BAD_ALG
    message = client.message(request, scep.certificate, cipher="des")
    assert (await scep.post(message, "/scep/old")).status_code == 200
    assert scep.issued_count == 1
    await scep.ra.database.close()


async def test_an_unavailable_issuing_authority_is_no_refusal(scep: SCEPHarness) -> None:
    client = SCEPClient()
    message = client.message(request_of(client.key, challenge=CHALLENGE), scep.certificate)
    scep.ra.issuing.down = True
    response = await scep.post(message)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert scep.ra.audit.outcomes("scep.enrol") == ["refused"]
    assert scep.ra.audit.outcomes("scep.request") == []  # one line for one request
    scep.ra.issuing.down = False
    assert (await scep.post(message)).status_code == 200


async def test_an_answer_is_encrypted_to_the_signer(scep: SCEPHarness) -> None:
    client = SCEPClient()
    answer = await scep.ask(client, request_of(client.key, challenge=CHALLENGE), digest="sha512")
    assert keys.spki(answer.certificates[0].public_key()) == keys.spki(client.key.public_key())  # type: ignore[arg-type]


async def test_a_provisioner_without_challenge_enrols_where_it_is_told_to(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    own: dict[str, Any] = record(newel={"withoutChallenge": True})
    del own["challenge"]
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, own)
    client = SCEPClient(certificate=None)
    assert self_signed(client.key).public_key() == client.key.public_key()
    assert (await scep.ask(client, request_of(client.key))).status == 0
    await scep.ra.database.close()


@pytest.mark.attack("P01")
async def test_policies_decide_on_first_certificates(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    own = record(policy={"x509": {"allow": {"dns": ["a.example"], "cn": ["device"]}}})
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, own)
    client = SCEPClient()
    allowed = request_of(client.key, "a.example", challenge=CHALLENGE)
    assert (await scep.ask(client, allowed)).status == 0
    client.transaction = "another"
    answer = await scep.ask(client, request_of(client.key, "b.example", challenge=CHALLENGE))
    assert (answer.status, answer.fail_info) == (2, FailInfo.BAD_REQUEST)
    assert "b.example" in answer.text
    await scep.ra.database.close()
