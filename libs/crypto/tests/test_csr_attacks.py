"""Certification requests as attackers, openssl and the step program make them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from fixtures.library_certificates import signature_hash
from newel.crypto import csr, der, keys
from newel.crypto.dns_names import NameRules

KEY = keys.generate("P-256")
REQUEST = "1.2.840.113549.1.9.14"


def san(*texts: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(text) for text in texts])


def builder(name: str = "leaf") -> x509.CertificateSigningRequestBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return x509.CertificateSigningRequestBuilder().subject_name(subject)


def request(made: x509.CertificateSigningRequestBuilder, key: Any = KEY) -> bytes:
    return made.sign(key, signature_hash(key.public_key())).public_bytes(Encoding.DER)


GOOD = request(builder().add_extension(san("a.test"), False))


def sign_request(info: bytes, key: keys.PrivateKey = KEY) -> bytes:
    algorithm = keys.signature_algorithm(key.public_key())
    return der.sequence(info, algorithm, der.bit_string(keys.sign(key, info)))


def info(attributes: bytes = b"", spki: bytes = b"") -> bytes:
    return der.sequence(
        der.integer(0),
        b"\x30\x00",
        spki or keys.spki(KEY.public_key()),
        der.explicit(0, attributes),
    )


def attribute_of(*extensions: bytes) -> bytes:
    return der.sequence(der.oid(REQUEST), der.tlv(der.SET, der.sequence(*extensions)))


def extension(oid: str, value: bytes, *middle: bytes) -> bytes:
    return der.sequence(der.oid(oid), *middle, der.octet_string(value))


def test_a_request_without_extensions_asks_for_none() -> None:
    for made in (request(builder()), sign_request(info()), sign_request(info(attribute_of()))):
        found = csr.parse_request(made)
        assert found.names == ()
        assert found.extensions == ()


def test_other_attributes_are_passed_over() -> None:
    challenge = x509.ObjectIdentifier("1.2.840.113549.1.9.7")
    made = builder().add_attribute(challenge, b"secret")
    assert csr.parse_request(request(made)).extensions == ()


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_other_strong_hashes_are_accepted(algorithm: Any) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    for key, options in (
        (KEY, {}),
        (rsa_key, {}),
        (rsa_key, {"rsa_padding": padding.PSS(padding.MGF1(algorithm), 32)}),
    ):
        made = builder().sign(key, algorithm, **options)  # pyright: ignore[reportArgumentType,reportCallIssue] - the library's union
        csr.parse_request(made.public_bytes(Encoding.DER))


@pytest.mark.attack("A09")
def test_a_signature_by_another_key_or_over_other_octets_is_refused() -> None:
    stolen = keys.generate("P-256")
    with pytest.raises(csr.CSRError, match="does not verify"):
        csr.parse_request(sign_request(info(spki=keys.spki(stolen.public_key()))))
    with pytest.raises(csr.CSRError, match="does not verify"):
        csr.parse_request(GOOD.replace(b"a.test", b"b.test"))


@pytest.mark.attack("A09")
def test_a_weak_or_foreign_signature_algorithm_is_refused() -> None:
    body = info()
    for oid in ("1.2.840.10045.4.1", "1.2.840.113549.1.1.11", "1.3.101.112", "1.2.3"):
        made = der.sequence(body, der.sequence(der.oid(oid)), der.bit_string(keys.sign(KEY, body)))
        with pytest.raises(csr.CSRError, match=r"algorithm|PKCS #10"):
            csr.parse_request(made)


@pytest.mark.attack("A09")
@pytest.mark.parametrize("point", [b"\x00", b"\x04" + bytes(64), b"\x04" + b"\x01" * 64])
def test_points_that_are_off_the_curve_are_refused(point: bytes) -> None:
    algorithm = der.children(der.only(keys.spki(KEY.public_key())).content)[0].raw
    spki = der.sequence(algorithm, der.bit_string(point))
    with pytest.raises(csr.CSRError):
        csr.parse_request(sign_request(info(spki=spki)))


UPN = der.tlv(0xA0, der.oid("1.3.6.1.4.1.311.20.2.3") + der.explicit(0, der.tlv(12, b"a@b.test")))
SAN = "2.5.29.17"
DNS = der.tlv(0x82, b"a.test")
UNKNOWN = extension("1.2.3", b"")

BAD: list[tuple[str, bytes]] = [
    ("neither PEM", b""),
    ("neither PEM", b"junk"),
    ("octets|PKCS|left", b"\x30\x00"),
    ("octets|PKCS|left", GOOD + b"\x00"),
    ("octets|PKCS|left", GOOD[:-1]),
    ("PEM", b"-----BEGIN CERTIFICATE REQUEST-----\n"),
    ("longer than", b"0" * (csr.MAX_SIZE + 1)),
    ("kind", sign_request(info(attribute_of(extension(SAN, der.sequence(UPN)))))),
    ("names is empty", sign_request(info(attribute_of(extension(SAN, der.sequence()))))),
    (
        "domain name",
        sign_request(info(attribute_of(extension(SAN, der.sequence(der.tlv(0x82, b"a b")))))),
    ),
    (
        "underscore",
        sign_request(info(attribute_of(extension(SAN, der.sequence(der.tlv(0x82, b"_a.test")))))),
    ),
    ("twice", sign_request(info(attribute_of(UNKNOWN, UNKNOWN)))),
    ("two lists", sign_request(info(attribute_of() + attribute_of()))),
    (
        "left over",
        sign_request(info(attribute_of(extension(SAN, der.sequence(DNS) + b"\x05\x00")))),
    ),
    ("malformed", sign_request(info(attribute_of(extension("1.2.3", b"", b"\x01\x01\x01"))))),
    (
        "more than",
        sign_request(info(attribute_of(*[extension(f"1.2.{n}", b"") for n in range(40)]))),
    ),
    (
        "more than",
        sign_request(info(attribute_of(*[extension(f"1.2.{n}", b"") for n in range(40)]))),
    ),
    (
        "more than",
        sign_request(
            info(
                attribute_of(
                    extension(
                        SAN,
                        der.sequence(*[der.tlv(0x82, f"h{n}.test".encode()) for n in range(300)]),
                    )
                )
            )
        ),
    ),
]


@pytest.mark.attack("A08")
@pytest.mark.parametrize(("text", "octets"), BAD)
def test_what_cannot_be_used_is_refused_with_its_reason(text: str, octets: bytes) -> None:
    with pytest.raises(csr.CSRError, match=text):
        csr.parse_request(octets)


def test_policy_may_let_underscores_pass() -> None:
    made = sign_request(info(attribute_of(extension(SAN, der.sequence(der.tlv(0x82, b"_a.test"))))))
    assert str(csr.parse_request(made, NameRules(underscores=True)).names[0]) == "_a.test"


@pytest.mark.attack("P09")
@given(st.binary(max_size=200), st.integers(0, len(GOOD) - 1))
def test_damaged_requests_are_refused_and_never_crash(noise: bytes, at: int) -> None:
    damaged = GOOD[:at] + noise + GOOD[at + len(noise) :]
    if damaged == GOOD:
        return
    with pytest.raises(csr.CSRError):
        csr.parse_request(damaged)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("extra", [[], ["-addext", "subjectAltName=DNS:a.test,IP:10.0.0.1"]])
def test_requests_of_openssl_are_read(tmp_path: Path, extra: list[str]) -> None:
    command = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes"]
    run = subprocess.run(
        [*command, "-keyout", tmp_path / "key", "-subj", "/C=CH/O=Org/CN=a.test", *extra],
        capture_output=True,
        check=True,
    )
    found = csr.parse_request(run.stdout)
    assert [each.value for each in found.subject] == ["CH", "Org", "a.test"]
    assert [str(name) for name in found.names] == (["a.test", "10.0.0.1"] if extra else [])


@pytest.mark.needs("step")
def test_requests_of_the_step_program_are_read(tmp_path: Path) -> None:
    command = ["step", "certificate", "create", "a.test", "csr", "key", "--csr", "--no-password"]
    names = ["--insecure", "--san", "a.test", "--san", "10.0.0.1", "--san", "spiffe://t/w"]
    subprocess.run([*command, *names], cwd=tmp_path, capture_output=True, check=True)
    found = csr.parse_request((tmp_path / "csr").read_bytes())
    assert [name.kind for name in found.names] == ["dns", "ip", "uri"]
