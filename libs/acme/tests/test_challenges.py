"""Key authorizations and what each challenge asks for; the tls-alpn-01 certificate."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from newel.acme import alpn, challenges
from newel.acme.identifiers import Identifier, reverse_name
from newel.acme.problems import ACMEError
from newel.jose import base64url

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
NAME = Identifier("dns", "a.example")
AUTHORIZATION = challenges.key_authorization("token", bytes(32))


def test_key_authorization_and_its_digest() -> None:
    assert AUTHORIZATION == "token." + "A" * 43
    assert challenges.dns_value(AUTHORIZATION) == base64url.encode(challenges.digest(AUTHORIZATION))
    assert challenges.dns_name("a.example") == "_acme-challenge.a.example"
    assert challenges.http_path("t") == "/.well-known/acme-challenge/t"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (AUTHORIZATION.encode(), True),
        (AUTHORIZATION.encode() + b" \r\n\t", True),
        (b" " + AUTHORIZATION.encode(), False),
        (AUTHORIZATION.encode()[:-1], False),
        (AUTHORIZATION.encode() + b"x", False),
        (b"", False),
        ("é".encode(), False),
    ],
)
def test_http_bodies_are_compared_whole(body: bytes, answer: bool) -> None:
    assert challenges.is_http_answer(body, AUTHORIZATION) is answer


def test_which_challenges_can_prove_what() -> None:
    """RFC 8555 §7.1.4, RFC 8738 §7."""
    assert challenges.challenge_types("dns", wildcard=True) == (
        "dns-01",
        "dns-account-01",
        "dns-persist-01",
    )
    assert challenges.challenge_types("ip", wildcard=False) == ("http-01", "tls-alpn-01")
    assert set(challenges.challenge_types("dns", wildcard=False)) == {
        "http-01",
        "dns-01",
        "tls-alpn-01",
        "dns-account-01",
        "dns-persist-01",
    }


def test_reverse_names() -> None:
    assert reverse_name("192.0.2.1") == "1.2.0.192.in-addr.arpa"
    assert reverse_name("2001:db8::1").endswith(".8.b.d.0.1.0.0.2.ip6.arpa")
    assert alpn.server_name(Identifier("ip", "192.0.2.1")) == "1.2.0.192.in-addr.arpa"


@pytest.mark.parametrize(
    "identifier", [NAME, Identifier("ip", "192.0.2.1"), Identifier("ip", "2001:db8::1")]
)
def test_the_made_certificate_is_accepted(identifier: Identifier) -> None:
    der, _ = alpn.make_certificate(identifier, AUTHORIZATION, NOW)
    alpn.check_certificate(der, identifier, AUTHORIZATION)


def certificate(
    names: list[x509.GeneralName] | None, proof: bytes | None, *, critical: bool = True
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if proof is not None:
        extension = x509.UnrecognizedExtension(alpn.ACME_IDENTIFIER, proof)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


PROOF = b"\x04\x20" + challenges.digest(AUTHORIZATION)
SAN: list[x509.GeneralName] = [x509.DNSName("a.example")]


def test_case_of_the_name_does_not_matter() -> None:
    alpn.check_certificate(certificate([x509.DNSName("A.Example")], PROOF), NAME, AUTHORIZATION)


@pytest.mark.attack("A16")
@pytest.mark.parametrize(
    "der",
    [
        certificate([*SAN, x509.DNSName("b.example")], PROOF),
        certificate([x509.DNSName("b.example")], PROOF),
        certificate([x509.IPAddress(ipaddress.ip_address("192.0.2.1"))], PROOF),
        certificate([x509.RFC822Name("a.example")], PROOF),
        certificate(None, PROOF),
        certificate(SAN, PROOF, critical=False),
        certificate(SAN, None),
        certificate(SAN, PROOF[:-1] + bytes([PROOF[-1] ^ 1])),
        certificate(SAN, PROOF[2:]),
        certificate(SAN, PROOF + b"\x00"),
        b"",
        b"\x30\x80" * 200,
    ],
)
def test_certificates_that_do_not_answer(der: bytes) -> None:
    with pytest.raises(ACMEError) as caught:
        alpn.check_certificate(der, NAME, AUTHORIZATION)
    assert caught.value.code == "unauthorized"
