"""Orders of devices (draft-ietf-acme-device-attest): attested, certified, and refused; attack A18."""

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from fixtures.acme_requests import Reply
from fixtures.attestations import Maker, encode_object, make_key
from fixtures.authority import EPOCH
from newel.acme.renewal_info import CertificateID
from newel.crypto import names
from newel.jose import base64url
from newel.runtime.database.contract import Statement, Write
from newel.step.provisioner_members import ATTESTATION_FORMATS

MAKER = Maker(EPOCH)
ROOTS = base64.b64encode(MAKER.pem.encode()).decode()
SERIAL = "SN-4711 ä"
NUMBER = "4711"
TEMPLATE = """{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }},
"keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"], "extensions":
[{"id": "1.3.6.1.4.1.99.1", "value": {{ .AuthorizationCrt.Issuer.CommonName | b64enc | toJson }}}]}"""


def of_devices(**fields: Any) -> Any:
    given: dict[str, Any] = {
        "challenges": ["device-attest-01"],
        "attestation_roots": ROOTS,
        **fields,
    }
    return provisioner(**given)


async def add(harness: ACMEHarness, **fields: Any) -> Client:
    """Make the provisioner one of devices, and return a client with an account."""
    harness.provisioners["acme"] = of_devices(**fields)
    return await harness.register_client()


async def order_for(client: Client, value: str = NUMBER, *others: dict[str, str]) -> Reply:
    identifiers = [{"type": "permanent-identifier", "value": value}, *others]
    return await client.post("new-order", {"identifiers": identifiers})


async def answer(client: Client, order: Reply, payload: Any) -> Reply:
    """Answer the challenge of an order, and return its authorization once it is decided."""
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "device-attest-01")
    if callable(payload):
        payload = payload(challenge["token"])
    await client.post(challenge["url"], payload)
    return await client.poll(authorization)


def attest(client: Client, key: Any, value: str = NUMBER, format: str = "step", **how: Any) -> Any:  # noqa: A002
    """Return what makes the answer for a token."""

    def make(token: str) -> dict[str, str]:
        signed = token if format == "apple" else client.authorization(token)
        statement = getattr(MAKER, format.replace("-", "_"))(value, signed, key, **how)
        return {"attObj": base64url.encode(encode_object(format, statement))}

    return make


async def prove(client: Client, key: Any, value: str = NUMBER, format: str = "step") -> Reply:  # noqa: A002
    """Return an order whose device was proved."""
    order = await order_for(client, value)
    proved = await answer(client, order, attest(client, key, value, format))
    assert proved["status"] == "valid", proved.body
    return await client.post(order.header("location"))


def csr_for(key: Any, common_name: str = NUMBER, *names: Any) -> dict[str, str]:
    return {"csr": make_csr(*names, common_name=common_name, key=key)}


@pytest.mark.parametrize("format", ["step", "apple", "tpm", "android-key"])
async def test_an_attested_device_gets_a_certificate(harness: ACMEHarness, format: str) -> None:  # noqa: A002
    client, key = await add(harness), make_key()
    order = await prove(client, key, format=format)
    final = await client.post(order["finalize"], csr_for(key))
    assert final["status"] == "valid"
    chain = (await client.post(final["certificate"])).body
    leaf = x509.load_pem_x509_certificate(chain)
    assert leaf.public_key() == key.public_key()
    (name,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(name, x509.OtherName)
    assert name.value.endswith(NUMBER.encode())
    (request,) = harness.issuing.requests
    assert request.names[0].permanent_identifier == NUMBER
    assert list(request.extended_key_usages) == ["1.3.6.1.5.5.7.3.2"]
    assert list(request.key_usages) == ["digitalSignature"]


async def test_a_device_s_identifier_may_be_any_text_and_stand_in_the_csr(
    harness: ACMEHarness,
) -> None:
    client, key = await add(harness), make_key()
    order = await prove(client, key, SERIAL, "apple")
    value = names.PermanentIdentifier(SERIAL)
    read = x509.OtherName(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.8.3"), value.der[-len(SERIAL.encode()) - 4 :]
    )
    final = await client.post(order["finalize"], csr_for(key, "", read))
    assert final["status"] == "valid", final.body
    assert not harness.issuing.requests[0].subject


async def test_a_forced_common_name_is_the_identifier(harness: ACMEHarness) -> None:
    client, key = await add(harness, force_cn=True), make_key()
    order = await prove(client, key)
    assert (await client.post(order["finalize"], csr_for(key, "")))["status"] == "valid"
    assert harness.issuing.requests[0].subject[0].value == NUMBER


async def certify(client: Client, key: Any, **order: Any) -> x509.Certificate:
    """Return a certificate of a device that was proved."""
    asked = {"identifiers": [{"type": "permanent-identifier", "value": NUMBER}], **order}
    placed = await client.post("new-order", asked)
    assert placed.status == 201, placed.body
    assert (await answer(client, placed, attest(client, key)))["status"] == "valid"
    final = await client.post(placed["finalize"], csr_for(key))
    return x509.load_pem_x509_certificate((await client.post(final["certificate"])).body)


async def test_the_certificate_of_a_device_is_replaced(harness: ACMEHarness) -> None:
    client = await add(harness)
    old = await certify(client, make_key())
    issuer = old.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    identifier = str(CertificateID(issuer.key_identifier or b"", old.serial_number))
    await certify(client, make_key(), replaces=identifier)
    *_, asked = harness.issuing.requests
    assert int.from_bytes(asked.replaces) == old.serial_number


async def test_an_account_that_proved_the_device_revokes(harness: ACMEHarness) -> None:
    client = await add(harness)
    leaf = (await certify(client, make_key())).public_bytes(Encoding.DER)
    other, asked = await harness.register_client(), {"certificate": base64url.encode(leaf)}
    assert (await other.post("revoke-cert", asked)).status == 403
    await prove(other, make_key(), "4712")
    assert (await other.post("revoke-cert", asked)).status == 403
    await prove(other, make_key())
    assert (await other.post("revoke-cert", asked)).status == 200


@pytest.mark.attack("A18")
async def test_a_csr_with_another_key_or_another_name_leaves_the_order_ready(
    either: ACMEHarness,
) -> None:
    client, key = await add(either), make_key()
    order = await prove(client, key)
    hostile = [
        csr_for(make_key()),
        csr_for(key, "4712"),
        csr_for(key, NUMBER, "a.example"),
        csr_for(key, NUMBER, x509.RFC822Name("a@a.example")),
    ]
    for each in hostile:
        assert (await client.post(order["finalize"], each)).problem == "badCSR"
    assert (await client.post(order.header("location")))["status"] == "ready"
    assert either.issuing.requests == []
    assert (await client.post(order["finalize"], csr_for(key)))["status"] == "valid"


@pytest.mark.attack("A18")
@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({}, "no attestation object"),
        ({"attObj": ""}, "no attestation object"),
        ({"attObj": "!"}, "attObj"),
        ({"attObj": base64url.encode(b"{}")}, "CBOR"),
        ({"attObj": base64url.encode(encode_object("packed", {}))}, "packed"),
        ({"attObj": base64url.encode(encode_object("step", {}))}, "alg"),
        ({"error": "no secure hardware here"}, "no secure hardware here"),
    ],
)
async def test_an_answer_that_attests_nothing_ends_the_order(
    harness: ACMEHarness, payload: dict[str, str], why: str
) -> None:
    client = await add(harness)
    order = await order_for(client)
    refused = await answer(client, order, payload)
    assert refused["status"] == "invalid"
    problem = refused["challenges"][0]["error"]
    assert problem["type"] == "urn:ietf:params:acme:error:badAttestationStatement"
    assert why in problem["detail"]
    (part,) = problem["subproblems"]
    assert part["identifier"] == {"type": "permanent-identifier", "value": NUMBER}
    assert (await client.post(order.header("location")))["status"] == "invalid"


@pytest.mark.attack("A18")
async def test_the_attestation_of_another_device_or_challenge_is_refused(
    harness: ACMEHarness,
) -> None:
    client, key = await add(harness), make_key()
    other = await answer(client, await order_for(client), attest(client, key, "4712"))
    (part,) = other["challenges"][0]["error"]["subproblems"]
    assert part["type"] == "urn:ietf:params:acme:error:rejectedIdentifier"
    assert "4712" in part["detail"]
    old = attest(client, key)("an older token")
    late = await answer(client, await order_for(client), old)
    assert late["challenges"][0]["error"]["type"].endswith("badAttestationStatement")
    stranger = await harness.register_client()
    stolen = await answer(stranger, await order_for(stranger), attest(client, key))
    assert stolen["status"] == "invalid"


@pytest.mark.attack("A18")
async def test_a_format_that_is_not_enabled_is_refused_by_name(harness: ACMEHarness) -> None:
    client = await add(harness, attestation_formats=["apple"])
    refused = await answer(client, await order_for(client), attest(client, make_key()))
    assert "'step' is not one of apple" in refused["challenges"][0]["error"]["detail"]


async def test_a_maker_s_attestation_counts_under_its_own_root_only(harness: ACMEHarness) -> None:
    formats = ["apple", "step"]
    client = await add(harness, attestation_roots="", attestation_formats=formats)
    refused = await answer(client, await order_for(client), attest(client, make_key()))
    assert "root" in refused["challenges"][0]["error"]["detail"]


async def test_a_device_is_alone_in_its_order_and_offered_where_it_is_named(
    harness: ACMEHarness,
) -> None:
    usual = await harness.register_client()
    assert (await order_for(usual)).problem == "rejectedIdentifier"
    client = await add(harness)
    assert (await order_for(client, NUMBER, {"type": "dns", "value": "a.example"})).problem
    assert (await order_for(client, "")).problem == "rejectedIdentifier"
    assert (await order_for(client, "a\nb")).problem == "rejectedIdentifier"
    assert (await order_for(client, "x" * 256)).problem == "rejectedIdentifier"
    assert (await client.order("a.example")).problem == "rejectedIdentifier"


async def test_a_crash_between_answer_and_validation_loses_nothing(either: ACMEHarness) -> None:
    client, key = await add(either), make_key()
    order = await order_for(client)
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "device-attest-01")
    payload = attest(client, key)(challenge["token"])
    assert (await client.post(challenge["url"], payload))["status"] in {"processing", "valid"}
    assert (await client.poll(authorization))["status"] == "valid"
    undo = Statement(
        "UPDATE acme_authorizations SET status = 'pending', attested_key = NULL, validated_at = NULL"
    )
    await either.database.apply(Write(undo, ()))
    either.clock.advance(either.config.lost_after * 2)
    await either.recover()
    assert (await client.poll(authorization))["status"] == "valid"
    ready = await client.post(order.header("location"))
    assert (await client.post(ready["finalize"], csr_for(key)))["status"] == "valid"


async def test_a_template_sees_the_device_and_its_attestation(harness: ACMEHarness) -> None:
    options = {"x509": {"template": TEMPLATE}}
    client, key = await add(harness, options=options), make_key()
    order = await prove(client, key)
    final = await client.post(order["finalize"], csr_for(key))
    assert final["status"] == "valid", final.body
    (request,) = harness.issuing.requests
    assert [each.permanent_identifier for each in request.names] == [NUMBER]
    assert request.extensions[0].value == b"Maker"


async def test_a_template_cannot_name_another_device(harness: ACMEHarness) -> None:
    text = '{"subject": "x", "sans": [{"type": "permanentIdentifier", "value": "4712"}]}'
    client, key = await add(harness, options={"x509": {"template": text}}), make_key()
    order = await prove(client, key)
    assert (await client.post(order["finalize"], csr_for(key)))["status"] != "valid"
    assert harness.issuing.requests == []


def test_what_cannot_work_turns_the_provisioner_off() -> None:
    with pytest.raises(ValueError, match="tpm needs attestationRoots"):
        of_devices(attestation_roots="", attestation_formats=["tpm"])
    with pytest.raises(ValueError, match="attestationRoots"):
        of_devices(attestation_roots="bm9uZQ==")
    with pytest.raises(ValueError, match="cannot be fetched here"):
        of_devices(attestation_roots="")
    assert of_devices().attestation_formats == ATTESTATION_FORMATS


def test_the_operator_s_own_roots_need_no_list_of_revoked_keys() -> None:
    assert of_devices().android_status is None
