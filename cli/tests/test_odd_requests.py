"""Requests of old versions, without attributes or with odd ones: every command that reads a request reads them."""

import json
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from fixtures.running import NEWEL
from newel.crypto import der, keys, pem

KEY = keys.generate("P-256")
RSA = rsa.generate_private_key(65537, 2048)
NULL = b"\x05\x00"
SUBJECT = der.sequence(
    der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(0x0C, b"board.test")))
)
NAMES = der.sequence(der.tlv(0x82, b"board.test"), der.tlv(0x82, b"rack.test"))
ASKED = der.sequence(
    der.oid("1.2.840.113549.1.9.14"),
    der.tlv(der.SET, der.sequence(der.sequence(der.oid("2.5.29.17"), der.octet_string(NAMES)))),
)
WINDOWS = der.sequence(
    der.oid("1.3.6.1.4.1.311.21.20"),
    der.tlv(der.SET, der.sequence(der.integer(5), der.tlv(0x0C, b"host"))),
)
WITHOUT_SET = der.sequence(der.oid("1.2.840.113549.1.9.2"), der.tlv(0x16, b"x"))


def body(attributes: bytes, version: int = 0, key: keys.PrivateKey = KEY) -> bytes:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der.sequence(der.integer(version), SUBJECT, spki, attributes)


def sign_request(info: bytes) -> bytes:
    algorithm = keys.signature_algorithm(KEY.public_key())
    return der.sequence(info, algorithm, der.bit_string(keys.sign(KEY, info)))


def by_sha_1() -> bytes:
    info = body(der.explicit(0, ASKED), key=RSA)
    signature = RSA.sign(info, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what boards do
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.5"), NULL)
    return der.sequence(info, algorithm, der.bit_string(signature))


REQUESTS = {
    "version 1": sign_request(body(der.explicit(0, ASKED), 1)),
    "version 2": sign_request(body(der.explicit(0, ASKED), 2)),
    "no attributes": sign_request(body(b"")),
    "Windows": sign_request(body(der.explicit(0, WINDOWS + ASKED))),
    "an attribute without a set": sign_request(body(der.explicit(0, WITHOUT_SET + ASKED))),
    "SHA-1": by_sha_1(),
}


Done = subprocess.CompletedProcess[bytes]


def run(cwd: Path, line: str) -> Done:
    return subprocess.run([NEWEL, *line.split()], capture_output=True, check=False, cwd=cwd)


def run_program(cwd: Path, line: str) -> bytes:
    answer = run(cwd, line)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate and the key of a root."""
    cwd = tmp_path_factory.mktemp("requests")
    run_program(
        cwd, "certificate create Root root.crt root.key --profile root-ca --no-password --insecure"
    )
    return cwd


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_command_reads_the_request(home: Path, kind: str) -> None:
    (home / "odd.csr").write_bytes(pem.encode(REQUESTS[kind], "CERTIFICATE REQUEST"))
    key = (RSA if kind == "SHA-1" else KEY).public_key()
    made = run_program(home, "certificate sign odd.csr root.crt root.key")
    assert x509.load_pem_x509_certificate(made).public_key() == key
    shown = json.loads(run_program(home, "certificate inspect --format json odd.csr"))
    names = None if kind == "no attributes" else ["board.test", "rack.test"]
    assert shown["DNSNames"] == names
    for line in ("crypto key public odd.csr", "certificate key odd.csr"):
        assert load_pem_public_key(run_program(home, line)) == key


def test_a_forged_request_is_refused(home: Path) -> None:
    forged = REQUESTS["version 1"].replace(b"rack.test", b"evil.test")
    (home / "forged.csr").write_bytes(pem.encode(forged, "CERTIFICATE REQUEST"))
    refused = run(home, "certificate sign forged.csr root.crt root.key")
    assert refused.returncode == 1
    assert b"invalid signature" in refused.stderr
