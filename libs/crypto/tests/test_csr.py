"""Certification requests: what is read, and everything that is refused before or after the signature."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from newel.crypto import csr, der, keys
from newel.crypto.csr import CSRError, parse_request

KEY = ec.generate_private_key(ec.SECP256R1())
SAN = der.oid("2.5.29.17")
REQUEST = der.oid("1.2.840.113549.1.9.14")


def make_request(
    key: Any = KEY, algorithm: Any = None, names: int = 1
) -> x509.CertificateSigningRequest:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")])
    sans = x509.SubjectAlternativeName([x509.DNSName(f"n{i}.example") for i in range(names)])
    usage = x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(usage, critical=True)
    if names:
        builder = builder.add_extension(sans, critical=False)
    hashed = hashes.SHA256() if algorithm is None else algorithm
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashed)


def join_request(*attributes: bytes) -> bytes:
    """A request signed rightly whose attributes are these octets."""
    name = der.sequence()
    spki = keys.spki(KEY.public_key())
    body = der.sequence(der.integer(0), name, spki, der.tlv(0xA0, b"".join(attributes)))
    signature = keys.sign(KEY, body)
    return der.sequence(body, keys.signature_algorithm(KEY.public_key()), der.bit_string(signature))


def request_extensions(*extensions: bytes) -> bytes:
    return der.sequence(REQUEST, der.tlv(der.SET, der.sequence(*extensions)))


def san(*names: bytes, critical: bytes = b"") -> bytes:
    value = der.octet_string(der.sequence(*[der.tlv(0x82, name) for name in names]))
    return der.sequence(SAN, critical, value)


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=lambda key: type(key).__name__,
)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_what_is_asked_for_is_read(key: Any, encoding: Encoding) -> None:
    request = make_request(key, names=2)
    read = parse_request(request.public_bytes(encoding))
    assert read.der == request.public_bytes(Encoding.DER)
    assert read.public_key == key.public_key()
    assert read.spki == keys.spki(key.public_key())
    assert [(each.oid, each.value) for each in read.subject] == [("2.5.4.3", "a.example")]
    assert [str(name) for name in read.names] == ["n0.example", "n1.example"]
    (usage,) = read.extensions
    assert (usage.oid, usage.critical) == ("2.5.29.37", True)


def test_spellings_of_pem() -> None:
    pem = make_request().public_bytes(Encoding.PEM)
    for text in (
        pem,
        pem.rstrip(),
        b"\n\n" + pem + b"\n",
        pem.replace(b"\n", b"\r\n"),
        pem.replace(b"CERTIFICATE REQ", b"NEW CERTIFICATE REQ"),
    ):
        assert parse_request(text).names
    for text in (pem + pem, b"x" + pem, pem.replace(b"CERTIFICATE REQUEST", b"CERTIFICATE")):
        with pytest.raises(CSRError):
            parse_request(text)


def test_octets_by_hand() -> None:
    assert parse_request(join_request()).names == ()
    assert parse_request(join_request(request_extensions())).names == ()
    assert parse_request(join_request(der.sequence(REQUEST, der.tlv(der.SET, b"")))).names == ()
    read = parse_request(join_request(request_extensions(san(b"A.example", b"a.example"))))
    assert [str(name) for name in read.names] == ["a.example"]
    for critical in (b"\x01\x01\xff", b"\x01\x01\x00"):
        assert parse_request(
            join_request(request_extensions(san(b"a.example", critical=critical)))
        ).names
    other = der.sequence(der.oid("1.2.840.113549.1.9.7"), der.tlv(der.SET, b"\x13\x01x"))
    assert parse_request(join_request(other, request_extensions(san(b"a.example")))).names


@pytest.mark.parametrize(
    "attributes",
    [
        (request_extensions(san(b"a.example")), request_extensions(san(b"b.example"))),
        (request_extensions(san(b"a.example"), san(b"b.example")),),
        (request_extensions(san()),),
        (request_extensions(san(b"a.example", critical=b"\x01\x01\x01")),),
        (request_extensions(san(b"a.example", critical=b"\x02\x01\x01")),),
        (request_extensions(der.sequence()),),
        (request_extensions(der.sequence(SAN)),),
        (request_extensions(der.sequence(SAN, b"\x05\x00", b"\x05\x00", b"\x04\x00")),),
        (der.sequence(REQUEST, der.tlv(der.SET, der.sequence() * 2)),),
        (der.sequence(REQUEST),),
        (b"\x30\x03\x06\x05",),
        (request_extensions(san(b"a.example.")),),
        (request_extensions(san(b"\xffa.example")),),
        (request_extensions(der.sequence(SAN, der.octet_string(b"\x30\x80"))),),
        (request_extensions(*[der.sequence(der.oid(f"1.2.{i}"), b"\x04\x00") for i in range(40)]),),
    ],
)
def test_what_is_not_made_as_it_should_be(attributes: tuple[bytes, ...]) -> None:
    with pytest.raises(CSRError):
        parse_request(join_request(*attributes))


def test_the_signature_is_verified_and_not_weak() -> None:
    octets = make_request().public_bytes(Encoding.DER)
    broken = octets[:-1] + bytes([octets[-1] ^ 1])
    with pytest.raises(CSRError, match="does not verify"):
        parse_request(broken)
    key = rsa.generate_private_key(65537, 2048)
    with pytest.raises(CSRError, match="weak"):
        parse_request(make_request(key, hashes.SHA224()).public_bytes(Encoding.DER))


def test_sizes_are_bounded() -> None:
    assert (
        len(parse_request(make_request(names=csr.MAX_NAMES).public_bytes(Encoding.DER)).names)
        == 256
    )
    for data in (
        make_request(names=csr.MAX_NAMES + 1).public_bytes(Encoding.DER),
        b"0" * (csr.MAX_SIZE + 1),
        b"0" * 1000,
        b"",
        b"-----BEGIN CERTIFICATE REQUEST-----\n",
    ):
        with pytest.raises(CSRError):
            parse_request(data)
