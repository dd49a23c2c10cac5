"""What a CSR may ask for at finalize: attack A08, must-staple, odd subjects."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from newel.crypto import der
from newel.jose import base64url

MAIL = x509.RFC822Name("a@example.org")
URI = x509.UniformResourceIdentifier("https://a.example")
UPN = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a")
SRV = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7"), b"\x16\x01a")
ADDRESS = x509.IPAddress(ipaddress.ip_address("10.0.0.1"))
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
CONSTRAINTS = x509.NameConstraints([x509.DNSName("example")], None)


@pytest.mark.attack("A08")
@pytest.mark.parametrize(
    "csr",
    [
        make_csr("a.example", "b.example"),
        make_csr("b.example"),
        make_csr(),
        make_csr("*.a.example"),
        make_csr("a.example", ADDRESS),
        make_csr("a.example", MAIL),
        make_csr("a.example", URI),
        make_csr("a.example", UPN),
        make_csr("a.example", SRV),
        make_csr("a.example", common_name="b.example"),
        make_csr("a.example", common_name="Not a name"),
        make_csr("a.example", common_name="10.0.0.1"),
        make_csr(
            "a.example", extensions=[(x509.BasicConstraints(ca=True, path_length=None), True)]
        ),
        make_csr("a.example", extensions=[(x509.ExtendedKeyUsage([Usage.CODE_SIGNING]), False)]),
        make_csr("a.example", extensions=[(x509.ExtendedKeyUsage([Usage.OCSP_SIGNING]), False)]),
        make_csr(
            "a.example",
            extensions=[
                (x509.ExtendedKeyUsage([Usage.SERVER_AUTH, Usage.ANY_EXTENDED_KEY_USAGE]), False)
            ],
        ),
        make_csr("a.example", extensions=[(CONSTRAINTS, True)]),
        make_csr("a.example", extensions=[(CONSTRAINTS, False)]),
        make_csr("a.example", extensions=[(UNKNOWN, True)]),
        base64url.encode(b"\x30" * 70_000),
        base64url.encode(b"-----BEGIN CERTIFICATE REQUEST-----"),
        base64url.encode(base64url.decode(make_csr("a.example"))[:-3] + b"abc"),
        "",
    ],
)
async def test_requests_for_anything_but_the_order(harness: ACMEHarness, csr: str) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    reply = await client.post(order["finalize"], {"csr": csr})
    assert reply.problem == "badCSR"
    assert harness.issuing.requests == []
    assert (await client.post(order.header("location")))["status"] == "ready"
    again = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert again["status"] == "valid"


async def test_a_key_on_a_curve_without_a_jwk_form_is_a_bad_public_key(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    csr = make_csr("a.example", key=ec.generate_private_key(ec.SECP256K1()))
    reply = await client.post(order["finalize"], {"csr": csr})
    assert (reply.status, reply.problem) == (400, "badPublicKey")
    again = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert again["status"] == "valid"


@pytest.mark.filterwarnings("ignore:Attribute's length")
async def test_an_empty_common_name_names_nothing(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    empty = x509.NameAttribute(NameOID.COMMON_NAME, "", _validate=False)
    san = x509.SubjectAlternativeName([x509.DNSName("a.example")])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([empty])).add_extension(san, False)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    csr = base64url.encode(made.public_bytes(Encoding.DER))
    assert (await client.post(order["finalize"], {"csr": csr}))["status"] == "valid"
    (request,) = harness.issuing.requests
    assert not request.subject


@pytest.mark.attack("A08")
async def test_requests_that_are_too_large_or_wrongly_encoded(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    assert (await client.post(order["finalize"], {"csr": "A" * 10_000_000})).status == 413
    padded = make_csr("a.example") + "="
    assert (await client.post(order["finalize"], {"csr": padded})).problem == "malformed"
    names = [f"n{i}.example" for i in range(1500)]
    assert (await client.post(order["finalize"], {"csr": make_csr(*names)})).problem == "badCSR"


@pytest.mark.attack("A08")
async def test_of_a_request_only_key_and_common_name_go_on(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example", "b.example")
    csr = make_csr(
        "b.example",
        "a.example",
        common_name="A.example",
        attributes=[
            (NameOID.ORGANIZATION_NAME.dotted_string, "Evil Inc"),
            (NameOID.COUNTRY_NAME.dotted_string, "XX"),
            (NameOID.EMAIL_ADDRESS.dotted_string, "evil@example.org"),
            (NameOID.USER_ID.dotted_string, "root"),
            (NameOID.DOMAIN_COMPONENT.dotted_string, "evil"),
            (NameOID.SERIAL_NUMBER.dotted_string, "evil.example"),
            (NameOID.UNSTRUCTURED_NAME.dotted_string, "evil.example"),
            ("1.2.3.4", "evil.example"),
        ],
        extensions=[
            (UNKNOWN, False),
        ],
    )
    assert (await client.post(order["finalize"], {"csr": csr}))["status"] == "valid"
    (request,) = harness.issuing.requests
    assert [(a.oid, a.value) for a in request.subject] == [("2.5.4.3", "a.example")]
    assert [name.dns for name in request.names] == ["a.example", "b.example"]
    assert not request.extensions


STAPLED = x509.TLSFeature([x509.TLSFeatureType.status_request])


@pytest.mark.parametrize("critical", [False, True])
async def test_a_request_for_must_staple_goes_on(harness: ACMEHarness, critical: bool) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    csr = make_csr("a.example", extensions=[(STAPLED, critical)])
    assert (await client.post(order["finalize"], {"csr": csr}))["status"] == "valid"
    (request,) = harness.issuing.requests
    (extension,) = request.extensions
    assert extension.oid == x509.TLSFeature.oid.dotted_string
    assert extension.value == STAPLED.public_bytes()
    assert not extension.critical


@pytest.mark.parametrize(
    "features",
    [
        [x509.TLSFeatureType.status_request_v2],
        [x509.TLSFeatureType.status_request, x509.TLSFeatureType.status_request_v2],
    ],
)
async def test_other_tls_features_are_refused_and_not_dropped(
    harness: ACMEHarness, features: list[x509.TLSFeatureType]
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    csr = make_csr("a.example", extensions=[(x509.TLSFeature(features), False)])
    reply = await client.post(order["finalize"], {"csr": csr})
    assert reply.problem == "badCSR"
    assert "status_request" in reply["detail"]
    assert harness.issuing.requests == []


async def test_a_common_name_can_be_forced(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = provisioner(force_cn=True)
    client = await harness.register_client()
    long = "a" * 60 + ".example"
    order = await harness.ready(client, long, "b.example")
    await client.post(order["finalize"], {"csr": make_csr(long, "b.example")})
    (request,) = harness.issuing.requests
    assert [a.value for a in request.subject] == ["b.example"]


def of_version(version: int, key: ec.EllipticCurvePrivateKey) -> str:
    """A CSR as certbot before 1.29 and others write it: with another version than 0."""
    info, algorithm, _ = der.children(
        der.only(base64url.decode(make_csr("a.example", key=key))).content
    )
    _, *rest = der.children(info.content)
    parts = [der.tlv(der.INTEGER, bytes([version])), *(each.raw for each in rest)]
    signed = der.sequence(*parts)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return base64url.encode(der.sequence(signed, algorithm.raw, der.bit_string(signature)))


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_the_version_of_a_request_does_not_matter(harness: ACMEHarness, version: int) -> None:
    client, key = await harness.register_client(), ec.generate_private_key(ec.SECP256R1())
    order = await harness.ready(client, "a.example")
    done = await client.post(order["finalize"], {"csr": of_version(version, key)})
    assert done["status"] == "valid", done
