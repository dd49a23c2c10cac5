"""The real step has a key attested that a plug-in holds, and gets the certificate of the device."""

import base64
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from fakes.kms_plugin import install_plugin
from fixtures.admissions import up_with
from fixtures.attestations import Maker, make_key
from fixtures.running import Authority, others
from newel.acme.attestation.step import YUBICO_SERIAL_NUMBER
from newel.crypto import der
from newel.runtime.clock import SystemClock

pytestmark = pytest.mark.needs("step")

SERIAL = "4711"


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker(SystemClock().now())


@pytest.fixture(scope="module")
def authority(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    record = {
        "type": "ACME",
        "name": "devices",
        "challenges": ["device-attest-01"],
        "attestationFormats": ["step"],
        "attestationRoots": base64.b64encode(maker.pem.encode()).decode(),
    }
    with up_with(tmp_path_factory.mktemp("devices") / "state", [record]) as served:
        yield served


def ask(authority: Authority, folder: Path, subject: str) -> "subprocess.CompletedProcess[str]":
    """Ask for the certificate of a device whose key the plug-in in the folder holds."""
    return subprocess.run(
        [
            others("step"), "ca", "certificate", subject, str(folder / "device.crt"), "yubikey:slot-id=9c",
            "--attestation-uri", "yubikey:slot-id=9c", "--provisioner", "devices",
            "--ca-url", authority.url, "--root", str(authority.root),
        ],
        env={**os.environ, "STEPPATH": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip # a command line


def test_step_gets_the_certificate_of_an_attested_device(
    authority: Authority, maker: Maker, tmp_path: Path
) -> None:
    key = make_key()
    attestation = maker.certify(key, {YUBICO_SERIAL_NUMBER: der.integer(int(SERIAL))})
    pem = x509.load_der_x509_certificate(attestation).public_bytes(Encoding.PEM).decode()
    install_plugin(tmp_path, key, pem)
    done = ask(authority, tmp_path, SERIAL)
    assert done.returncode == 0, done.stderr
    leaf = x509.load_pem_x509_certificate((tmp_path / "device.crt").read_bytes())
    assert leaf.public_key() == key.public_key()
    (name,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(name, x509.OtherName)
    assert name.type_id.dotted_string == "1.3.6.1.5.5.7.8.3"
    assert name.value.endswith(SERIAL.encode())
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    refused = ask(authority, tmp_path, "4712")
    assert refused.returncode != 0
    assert "the attestation names '4711', not '4712'" in refused.stderr
