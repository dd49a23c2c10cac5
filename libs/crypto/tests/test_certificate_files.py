"""Certificate files as people have them, and the order of a chain that has none."""

import itertools
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from fixtures.certificates import PKI
from newel.crypto import certificate_files, keys, pem
from newel.crypto.certificate_files import order_chain, parse_certificates

KEY = keys.plain_private_key(keys.generate())


@pytest.fixture
def chain(pki: PKI) -> list[bytes]:
    return [pki.responder.der, pki.issuer.der, pki.root.der]


def test_certificates_are_read_whatever_stands_around_them(chain: list[bytes]) -> None:
    one, two = pem.encode(chain[1]), pem.encode(chain[2])
    texts = {
        "text": b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + one + b"Root:\n" + two,
        "Windows": (one + b"\r\n" + two).replace(b"\n", b"\r\n"),
        "UTF-8": b"\xef\xbb\xbf" + one + two,
        "UTF-16": b"\xff\xfe" + (one + two).decode().encode("utf-16-le"),
        "with the key": KEY + one + two,
        "blanks": b" \n" + one.replace(b"\n", b" \n") + b"\n\n" + two + b"\n\0",
        "old label": one.replace(b"CERTIFICATE", b"X509 CERTIFICATE") + two,
        "headers": one.replace(b"CERTIFICATE-----\n", b"CERTIFICATE-----\nName: x\n\n", 1) + two,
        "DER": chain[1] + chain[2] + b"\n",
    }
    for habit, text in texts.items():
        assert parse_certificates(text) == chain[1:], habit


def test_a_pkcs7_bundle_is_read(pki: PKI, chain: list[bytes]) -> None:
    loaded = [pki.issuer.certificate, pki.root.certificate]
    for encoding in (Encoding.PEM, Encoding.DER):
        found = parse_certificates(pkcs7.serialize_certificates(loaded, encoding))
        assert sorted(found) == sorted(chain[1:])


@pytest.mark.needs("openssl")
def test_what_openssl_prints_is_read(tmp_path: Path, chain: list[bytes]) -> None:
    path = tmp_path / "root.crt"
    path.write_bytes(pem.encode(chain[2]))
    for option in ("-text", "-trustout"):
        command = ["openssl", "x509", "-in", path, option, "-addtrust", "serverAuth"]
        printed = subprocess.run(command, check=True, capture_output=True).stdout
        assert parse_certificates(printed) == [chain[2]]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "neither PEM nor DER"),
        (b"hello", "neither PEM nor DER"),
        (KEY, "no certificate, but PRIVATE KEY"),
        (pem.encode(b"octets")[:-30], "does not end"),
        (pem.encode(b"octets").replace(b"b", b"*"), "not base64"),
        (pem.encode(b""), "is empty"),
        (pem.encode(b"octets", "TRUSTED CERTIFICATE"), "cannot be read"),
        (pem.encode(b"octets", "PKCS7"), "cannot be read"),
        (b"\x30\x80", "no certificate in PEM or DER"),
        (b"\x30\x00x", "no certificate in PEM or DER"),
        (b"\x30\x00", "no certificate in PEM or DER"),
        (b" " * (pem.MAX_SIZE + 1), "longer than"),
    ],
)
def test_a_file_without_certificates_is_refused_with_its_reason(
    data: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(pem.PEMError, match=why):
        certificate_files.read_certificates(path)


@pytest.mark.attack("P09")
def test_a_megabyte_of_beginnings_is_refused_in_linear_time() -> None:
    with pytest.raises(pem.PEMError):
        parse_certificates(b"-----BEGIN CERTIFICATE-----\n" * 30_000)


def test_a_chain_in_any_order_is_put_in_order(chain: list[bytes]) -> None:
    for shuffled in itertools.permutations(chain):
        assert order_chain(shuffled) == chain
        assert order_chain([*shuffled, *shuffled]) == chain
    assert order_chain(chain[:1]) == chain[:1]
