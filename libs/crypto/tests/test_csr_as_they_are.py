"""Certification requests as the world's programs make them: odd outside, and read all the same."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.crypto import csr, der, keys, pem

KEY = keys.generate("P-256")
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = keys.generate("Ed25519")
NULL = b"\x05\x00"
EXTENSION_REQUEST = der.oid("1.2.840.113549.1.9.14")
OLD_EXTENSION_REQUEST = der.oid("1.3.6.1.4.1.311.2.1.14")
SAN = der.sequence(der.oid("2.5.29.17"), der.octet_string(der.sequence(der.tlv(0x82, b"a.test"))))
NAMES = der.sequence(EXTENSION_REQUEST, der.tlv(der.SET, der.sequence(SAN)))
CHALLENGE = der.sequence(der.oid("1.2.840.113549.1.9.7"), der.tlv(der.SET, der.tlv(0x13, b"x")))
WINDOWS = der.sequence(
    der.oid("1.3.6.1.4.1.311.13.2.3"), der.tlv(der.SET, der.tlv(0x16, b"10.0.20348.2"))
)


def attribute(oid: str, value: bytes) -> bytes:
    return der.tlv(der.SET, der.sequence(der.oid(oid), value))


def info(
    version: bytes = b"\x02\x01\x00",
    subject: bytes = b"\x30\x00",
    attributes: bytes = der.explicit(0, NAMES),
    key: keys.PrivateKey = KEY,
) -> bytes:
    return der.sequence(version, subject, keys.spki(key.public_key()), attributes)


def sign_request(body: bytes, key: keys.PrivateKey = KEY) -> bytes:
    algorithm = keys.signature_algorithm(key.public_key())
    return der.sequence(body, algorithm, der.bit_string(keys.sign(key, body)))


def names_of(octets: bytes) -> list[str]:
    return [str(name) for name in csr.parse_request(octets).names]


@pytest.mark.parametrize("key", [KEY, RSA, ED25519], ids=["P-256", "RSA", "Ed25519"])
@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_version_that_certbot_and_proxmox_wrote_is_read(version: int, key: Any) -> None:
    octets = sign_request(info(der.integer(version), key=key), key)
    assert names_of(octets) == ["a.test"]
    assert csr.parse_request(octets).der == octets


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (info(der.integer(3)), "version in the request is not 0, 1 or 2"),
        (info(der.integer(-1)), "version in the request is not 0, 1 or 2"),
        (info(b"\x02\x02\x00\x00"), "version in the request is not 0, 1 or 2"),
        (info(b"\x02\x00"), "version in the request is not 0, 1 or 2"),
        (info(b""), "begins without a version"),
        (info(b"\x01\x01\x00"), "begins without a version"),
        (info(der.explicit(0, der.integer(2))), "a certificate, not a PKCS #10 request"),
        (info(subject=b""), "after the version come a subject and a key"),
        (info(attributes=NAMES), "after the key .* only its attributes"),
        (info(attributes=der.explicit(0, b"") * 2), "after the key .* only its attributes"),
        (b"\x30\x00", "begins without a version"),
    ],
)
def test_the_part_that_is_wrong_is_named(body: bytes, part: str) -> None:
    with pytest.raises(csr.CSRError, match=part):
        csr.parse_request(sign_request(body))


def test_the_outer_parts_are_named_too() -> None:
    body = info()
    algorithm, bits = keys.signature_algorithm(KEY.public_key()), keys.sign(KEY, body)
    for octets, part in (
        (der.sequence(body, algorithm), "not a PKCS #10 request"),
        (der.sequence(body, algorithm, der.bit_string(bits), NULL), "not a PKCS #10 request"),
        (der.sequence(body, algorithm, der.octet_string(bits)), "not a PKCS #10 request"),
        (der.sequence(body, algorithm, der.bit_string(bits, unused=1)), "whole octets"),
        (der.sequence(body, algorithm, b"\x03\x00"), "whole octets"),
        (sign_request(body) + NULL, "octets are left over"),
        (b"\x30\x80" + sign_request(body)[4:] + b"\0\0", "indefinite"),
    ):
        with pytest.raises(csr.CSRError, match=part):
            csr.parse_request(octets)


TEXT = pem.encode(sign_request(info()), "CERTIFICATE REQUEST")
OLD_TEXT = pem.encode(sign_request(info()), "NEW CERTIFICATE REQUEST")


@pytest.mark.parametrize(
    "text",
    [
        OLD_TEXT,
        b"Certificate Request:\n    Data:\n        Version: 1 (0x0)\n" + TEXT,
        TEXT + b"sent by the board of rack 4\n",
        TEXT.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n"),
        b"\xff\xfe" + TEXT.decode().encode("utf-16-le"),
        TEXT.replace(b"-----\n", b"-----\nComment: x\n\n", 1),
        TEXT + b"\0",
    ],
)
def test_text_around_the_block_is_passed_over(text: bytes) -> None:
    assert names_of(text) == ["a.test"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TEXT + TEXT, "2 PEM blocks"),
        (TEXT + pem.encode(b"x", "PRIVATE KEY"), "2 PEM blocks"),
        (pem.encode(b"x", "PRIVATE KEY"), "is a PRIVATE KEY, not a CERTIFICATE REQUEST"),
        (TEXT[:-20], "does not end"),
    ],
)
def test_of_several_blocks_none_is_chosen(text: bytes, why: str) -> None:
    with pytest.raises(csr.CSREncodingError, match=why):
        csr.parse_request(text)


@pytest.mark.parametrize("attributes", [b"", der.explicit(0, b"")])
def test_a_request_may_come_without_attributes(attributes: bytes) -> None:
    assert names_of(sign_request(info(attributes=attributes))) == []


@pytest.mark.parametrize(
    "attributes",
    [
        (NAMES, CHALLENGE, WINDOWS),
        (WINDOWS, CHALLENGE, NAMES),
        (CHALLENGE, NAMES, CHALLENGE),
        (der.sequence(OLD_EXTENSION_REQUEST, der.tlv(der.SET, der.sequence(SAN))), WINDOWS),
        (der.sequence(der.oid("1.2.3"), NULL), NAMES),
        (der.sequence(der.oid("1.2.3")), NAMES),
    ],
)
def test_attributes_are_read_in_any_order(attributes: tuple[bytes, ...]) -> None:
    assert names_of(sign_request(info(attributes=der.explicit(0, b"".join(attributes))))) == [
        "a.test"
    ]


@pytest.mark.attack("A08")
def test_names_cannot_be_asked_for_in_two_lists() -> None:
    old = der.sequence(OLD_EXTENSION_REQUEST, der.tlv(der.SET, der.sequence(SAN)))
    for lists in (NAMES + NAMES, NAMES + old, old + NAMES):
        with pytest.raises(csr.CSRError, match="two lists"):
            csr.parse_request(sign_request(info(attributes=der.explicit(0, lists))))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (der.tlv(0x14, b"Z\xfcrich"), "Zürich"),
        (der.tlv(0x1E, "Zürich".encode("utf-16-be")), "Zürich"),
        (der.tlv(0x1C, "Zürich".encode("utf-32-be")), "Zürich"),
        (der.tlv(0x1A, b"visible"), "visible"),
        (der.tlv(0x13, b"a_b*c@d"), "a_b*c@d"),
        (der.tlv(0x0C, b""), ""),
        (der.tlv(0x0C, b"x" * 300), "x" * 300),
        (der.tlv(0x0C, b"Z\xfcrich"), "#0c065afc72696368"),
        (der.tlv(0x13, b"Z\xfcrich"), "#13065afc72696368"),
        (der.tlv(0x1E, b"odd"), "#1e036f6464"),
        (der.bit_string(b"\x2a"), "#0302002a"),
        (NULL, "#0500"),
    ],
)
def test_odd_values_of_the_subject_do_not_refuse_the_request(value: bytes, read: str) -> None:
    subject = der.sequence(attribute("2.5.4.10", value), der.tlv(der.SET, b""))
    found = csr.parse_request(sign_request(info(subject=subject)))
    assert [(each.oid, each.value) for each in found.subject] == [("2.5.4.10", read)]
    assert [str(name) for name in found.names] == ["a.test"]


def test_a_subject_that_is_no_name_is_refused() -> None:
    for subject in (der.sequence(b"\x04\x00"), der.sequence(der.tlv(der.SET, b"\x30\x00"))):
        with pytest.raises(csr.CSRError):
            csr.parse_request(sign_request(info(subject=subject)))


def by_rsa(algorithm: bytes, hashed: hashes.HashAlgorithm, padded: Any = None) -> bytes:
    body = info(key=RSA)
    signature = RSA.sign(body, padded or padding.PKCS1v15(), hashed)
    return der.sequence(body, algorithm, der.bit_string(signature))


RSA_SHA256 = der.oid("1.2.840.113549.1.1.11")
RSA_SHA1 = der.oid("1.2.840.113549.1.1.5")


def test_a_management_board_proves_possession_by_rsa_with_sha_1() -> None:
    for oid in (RSA_SHA1, der.oid("1.3.14.3.2.29")):
        octets = by_rsa(der.sequence(oid, NULL), hashes.SHA1())  # noqa: S303
        assert names_of(octets) == ["a.test"]


@pytest.mark.attack("A09")
def test_weaker_proofs_are_refused() -> None:
    md5 = by_rsa(der.sequence(der.oid("1.2.840.113549.1.1.4"), NULL), hashes.MD5())  # noqa: S303
    sha224 = by_rsa(der.sequence(der.oid("1.2.840.113549.1.1.14"), NULL), hashes.SHA224())
    body = info()
    sha1 = der.sequence(der.oid("1.2.840.10045.4.1"))
    ecdsa = der.sequence(body, sha1, der.bit_string(keys.sign(KEY, body)))
    for octets in (md5, sha224, ecdsa):
        with pytest.raises(csr.CSRError, match="weak"):
            csr.parse_request(octets)
    forged = by_rsa(der.sequence(RSA_SHA1, NULL), hashes.SHA256())
    with pytest.raises(csr.CSRSignatureError):
        csr.parse_request(forged)


def test_parameters_of_the_signature_may_be_there_or_not() -> None:
    for parameters in (b"", NULL):
        assert names_of(by_rsa(der.sequence(RSA_SHA256, parameters), hashes.SHA256()))
        for key, oid in ((KEY, "1.2.840.10045.4.3.2"), (ED25519, "1.3.101.112")):
            body = info(key=key)
            signature = der.bit_string(keys.sign(key, body))
            assert names_of(der.sequence(body, der.sequence(der.oid(oid), parameters), signature))
    for algorithm in (
        der.sequence(RSA_SHA256, b"\x30\x00"),
        der.sequence(RSA_SHA256, NULL, NULL),
        der.sequence(),
        der.sequence(b"\x30\x00"),
    ):
        with pytest.raises(csr.CSRError, match="algorithm"):
            csr.parse_request(by_rsa(algorithm, hashes.SHA256()))


def pss(*fields: bytes) -> bytes:
    return der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence(*fields))


def hash_of(bits: int, parameters: bytes = NULL) -> bytes:
    number = {1: "1.3.14.3.2.26", 256: "2.16.840.1.101.3.4.2.1", 512: "2.16.840.1.101.3.4.2.3"}
    return der.sequence(der.oid(number[bits]), parameters)


def mask(bits: int) -> bytes:
    return der.sequence(der.oid("1.2.840.113549.1.1.8"), hash_of(bits))


@pytest.mark.parametrize("parameters", [b"", NULL])
@pytest.mark.parametrize("mask_hash", [hashes.SHA256(), hashes.SHA512()])
@pytest.mark.parametrize("salt", [0, 20, 32, 64])
def test_pss_proves_possession(salt: int, mask_hash: Any, parameters: bytes) -> None:
    fields = [
        der.explicit(0, hash_of(256, parameters)),
        der.explicit(1, mask(mask_hash.digest_size * 8)),
        b"" if salt == 20 else der.explicit(2, der.integer(salt)),
    ]
    padded = padding.PSS(padding.MGF1(mask_hash), salt)
    for trailer in (b"", der.explicit(3, der.integer(1))):
        assert names_of(by_rsa(pss(*fields, trailer), hashes.SHA256(), padded))


@pytest.mark.attack("A09")
@pytest.mark.parametrize(
    "fields",
    [
        (),
        (der.explicit(0, hash_of(1)), der.explicit(1, mask(1))),
        (der.explicit(0, hash_of(256)),),
        (der.explicit(0, hash_of(256)), der.explicit(1, mask(1))),
        (der.explicit(0, hash_of(256)), der.explicit(1, hash_of(256))),
        (
            der.explicit(0, hash_of(256)),
            der.explicit(1, mask(256)),
            der.explicit(3, b"\x02\x01\x02"),
        ),
        (
            der.explicit(0, hash_of(256)),
            der.explicit(1, mask(256)),
            der.explicit(2, b"\x02\x01\xff"),
        ),
        (der.explicit(0, hash_of(256)), der.explicit(1, mask(256)), NULL),
        (der.explicit(0, b""), der.explicit(1, mask(256))),
        (der.explicit(0, hash_of(256)), der.explicit(1, b"\x30\x00")),
    ],
)
def test_weak_or_odd_parameters_of_pss_are_refused(fields: tuple[bytes, ...]) -> None:
    padded = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    with pytest.raises(csr.CSRError):
        csr.parse_request(by_rsa(pss(*fields), hashes.SHA256(), padded))


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    "arguments",
    [
        ["-sha1"],
        ["-sha384"],
        ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"],
        ["-subj", "/emailAddress=me@example.org/CN=a.test/OU=1/OU=2+O=3"],
        ["-utf8", "-subj", "/O=Zürich/CN=a.test"],
    ],
)
def test_what_openssl_makes_is_read(tmp_path: Path, arguments: list[str]) -> None:
    command = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k"]
    usual = [] if "-subj" in arguments else ["-subj", "/CN=a.test"]
    extra = ["-addext", "subjectAltName=DNS:a.test"]
    run = subprocess.run([*command, *usual, *arguments, *extra], capture_output=True, check=True)
    assert names_of(run.stdout) == ["a.test"]


def _good() -> bytes:
    names = [x509.DNSName("a.test"), x509.DNSName("b.test")]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.test")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(KEY, hashes.SHA256())  # pyright: ignore[reportArgumentType] - the library's union
    return made.tbs_certrequest_bytes


GOOD = _good()


def read_extensions(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        return [*request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except x509.ExtensionNotFound:
        return []


@pytest.mark.attack("P09")
@settings(max_examples=400)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_what_is_accepted_says_to_the_library_what_it_says_here(
    at: int, noise: bytes, lost: int
) -> None:
    octets = sign_request(GOOD[:at] + noise + GOOD[at + lost :])
    try:
        found = csr.parse_request(octets)
    except csr.CSRError:
        return
    assert found.spki == keys.spki(KEY.public_key())
    try:
        library = x509.load_der_x509_csr(octets)
        names = read_extensions(library)
    except (ValueError, x509.InvalidVersion):
        return  # it is stricter about what only proves possession
    said = [name.value.lower() for name in names if isinstance(name, x509.DNSName)]
    assert [str(name) for name in found.names] == list(dict.fromkeys(said))
    assert library.public_bytes(Encoding.DER) == found.der
