"""`newel ca profile`: configuration profiles as Apple's reference describes them."""

import plistlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.certificates import make_pki
from newel.cli.errors import CliError
from newel.cli.operations import apple_profile
from newel.cli.operations.apple_profile import Enrolment
from newel.crypto import keys

URL = "https://ca.example:9000"
PKI = make_pki("P-256")
KEY, ROOT = PKI.root.key, PKI.root.certificate
PEM = ROOT.public_bytes(Encoding.PEM).decode()
DEVICE = Enrolment(
    apple_profile.scep_url(URL, "my devices"), "my devices", "s3cret", "phone-17",
    ("phone-17.example", "alice@example.com", "backup.example"), 3072,
)  # fmt: skip # a record


def read(profile: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The profile and its payloads; each has what every payload needs."""
    outer = plistlib.loads(profile)
    payloads = outer["PayloadContent"]
    for each in (outer, *payloads):
        assert each["PayloadVersion"] == 1
        assert each["PayloadIdentifier"].startswith("newel.example.ca")
        assert each["PayloadDisplayName"]
    assert len({each["PayloadUUID"] for each in (outer, *payloads)}) == len(payloads) + 1
    return outer, payloads


def test_a_profile_trusts_the_roots_and_enrols() -> None:
    outer, (root, scep) = read(apple_profile.build(URL, [PEM], DEVICE, None, "Example"))
    assert (outer["PayloadType"], outer["PayloadOrganization"]) == ("Configuration", "Example")
    assert root["PayloadType"] == "com.apple.security.root"
    assert x509.load_der_x509_certificate(root["PayloadContent"]) == ROOT
    assert scep["PayloadType"] == "com.apple.security.scep"
    assert scep["PayloadContent"] == {
        "URL": "https://ca.example:9000/scep/my%20devices",
        "Name": "my devices",
        "Subject": [[["O", "Example"]], [["CN", "phone-17"]]],
        "Challenge": "s3cret",
        "Keysize": 3072,
        "Key Type": "RSA",
        "Key Usage": 5,
        "SubjectAltName": {
            "dNSName": ["phone-17.example", "backup.example"],
            "rfc822Name": "alice@example.com",
        },
    }


def test_the_same_profile_has_the_same_identifiers_and_octets() -> None:
    first = apple_profile.build(URL, [PEM], DEVICE)
    assert apple_profile.build(URL, [PEM], DEVICE) == first
    changed, _ = read(apple_profile.build(URL, [PEM], DEVICE._replace(challenge="other")))
    assert changed["PayloadUUID"] == read(first)[0]["PayloadUUID"]


def test_a_profile_may_hold_the_roots_alone() -> None:
    _, payloads = read(apple_profile.build(URL, [PEM], None))
    assert [each["PayloadType"] for each in payloads] == ["com.apple.security.root"]


def test_an_empty_challenge_is_left_out() -> None:
    _, (_, scep) = read(apple_profile.build(URL, [PEM], DEVICE._replace(challenge="", names=())))
    assert not {"Challenge", "SubjectAltName"} & set(scep["PayloadContent"])


@pytest.mark.parametrize("name", ["10.0.0.1", "not a name"])
def test_names_that_a_device_cannot_ask_for_are_refused(name: str) -> None:
    with pytest.raises(CliError, match="--san"):
        apple_profile.build(URL, [PEM], DEVICE._replace(names=(name,)))


ONE = [{"type": "JWK", "name": "admin"}, {"type": "SCEP", "name": "devices"}]
OFF = {"type": "SCEP", "name": "off", "state": "Uninitialized"}


def test_the_only_scep_provisioner_is_chosen() -> None:
    assert apple_profile.choose([*ONE, OFF], None) == "devices"
    two = [*ONE, {"type": "SCEP", "name": "printers"}]
    assert apple_profile.choose(two, "printers") == "printers"
    for provisioners, wanted in ((two, None), (ONE, "admin"), ([OFF], None), ([*ONE, OFF], "off")):
        with pytest.raises(CliError):
            apple_profile.choose(provisioners, wanted)


@pytest.mark.needs("openssl")
def test_a_signed_profile_is_what_openssl_verifies(tmp_path: Path) -> None:
    key_file, certificate_file = tmp_path / "key.pem", tmp_path / "signer.pem"
    key_file.write_bytes(keys.plain_private_key(KEY))
    certificate_file.write_text(PEM)
    profile = apple_profile.build(URL, [PEM], None)
    signed = apple_profile.sign(profile, str(certificate_file), str(key_file), None)
    signed_file = tmp_path / "signed.mobileconfig"
    signed_file.write_bytes(signed)
    words = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-in", str(signed_file)]
    trust = ["-CAfile", str(certificate_file), "-no_check_time", "-purpose", "any"]
    done = subprocess.run([*words, *trust], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == profile


def test_a_key_of_another_certificate_signs_nothing(tmp_path: Path) -> None:
    key_file, certificate_file = tmp_path / "key.pem", tmp_path / "signer.pem"
    key_file.write_bytes(keys.plain_private_key(keys.generate()))
    certificate_file.write_text(PEM)
    with pytest.raises(CliError, match="does not match"):
        apple_profile.sign(b"", str(certificate_file), str(key_file), None)
