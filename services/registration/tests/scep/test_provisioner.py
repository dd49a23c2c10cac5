"""SCEP provisioners: which records can be used, and what of them is shown."""

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority, make_authority
from fixtures.scep_harness import AUTHORITY_CERTIFICATE, AUTHORITY_KEY, CHALLENGE, open_scep, record
from newel.crypto import keys
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.step.provisioners import SCEPProvisionerConfig, from_mapping

CONTEXT = ProvisionerContext(Limits(), active_revocation=True)


def load(**more: Any) -> SCEPProvisioner:
    parsed = from_mapping(record(**more))
    assert isinstance(parsed, SCEPProvisionerConfig)
    return SCEPProvisioner(parsed, CONTEXT)


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"challenge": ""}, "everybody could enrol"),
        ({"minimumPublicKeyLength": 1024}, "minimumPublicKeyLength"),
        ({"minimumPublicKeyLength": 2049}, "minimumPublicKeyLength"),
        ({"encryptionAlgorithmIdentifier": 3}, "encryptionAlgorithmIdentifier"),
        ({"encryptionAlgorithmIdentifier": 9}, "encryptionAlgorithmIdentifier"),
        ({"decrypterCertificate": ""}, "go together"),
        ({"decrypterKeyPEM": ""}, "go together"),
        ({"decrypterKeyPEM": "%"}, "base64"),
        ({"decrypterKeyPEM": encode(b"no key")}, "decrypterKeyPEM"),
        (
            {
                "decrypterKeyPEM": encode(
                    keys.plain_private_key(keys.generate(keys.KeyKind.RSA2048))
                )
            },
            "another key",
        ),
        ({"decrypterKeyPEM": encode(keys.plain_private_key(keys.generate()))}, "RSA keys"),
        ({"decrypterKeyPEM": "", "decrypterKey": "pkcs11:id=1"}, "'pkcs11' store"),
        ({"decrypterKeyPEM": "", "decrypterKey": "/nowhere/key.pem"}, "no such file"),
    ],
)
def test_a_record_that_cannot_be_used_says_why(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        load(**more)


def test_a_ca_is_no_decrypter(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    pem = authority.root.public_bytes(Encoding.PEM)
    with pytest.raises(ValueError, match="another key"):
        load(decrypterCertificate=encode(pem))


@pytest.mark.parametrize("scheme", ["", "file:", "file://", "softkms:path="])
def test_the_decrypters_key_may_be_an_encrypted_file(tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(keys.encrypt_private_key(AUTHORITY_KEY, b"of the key"))
    found = load(
        decrypterKeyPEM="", decrypterKey=f"{scheme}{file}", decrypterKeyPassword="of the key"
    )
    assert found.decrypter is not None
    assert found.decrypter.certificate == AUTHORITY_CERTIFICATE


@pytest.mark.parametrize(
    ("number", "cipher"), [(0, "AES-128-CBC"), (1, "AES-128-CBC"), (2, "AES-256-CBC")]
)
def test_answers_are_encrypted_by_aes(number: int, cipher: str) -> None:
    assert load(encryptionAlgorithmIdentifier=number).cipher == cipher


@pytest.mark.attack("P08")
async def test_no_secret_is_listed(authority: CertificateAuthority, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(keys.encrypt_private_key(AUTHORITY_KEY, b"of the key"))
    own = record(decrypterKeyPassword="of the key")
    own["decrypterKeyPEM"] = encode(keys.encrypt_private_key(AUTHORITY_KEY, b"of the key"))
    broken = record(name="broken", minimumPublicKeyLength=1)
    scep = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, own, broken)
    text = (await scep.ra.call("GET", "/provisioners?limit=100")).text
    listed = {
        each["name"]: each
        for each in (await scep.ra.call("GET", "/provisioners")).json()["provisioners"]
    }
    assert set(listed) == {"devices", "broken"}
    for secret in (CHALLENGE, "of the key", own["decrypterKeyPEM"], broken["decrypterKeyPEM"]):
        assert secret not in text
    assert listed["broken"]["state"] == "Uninitialized"
    await scep.ra.database.close()


def test_claims_are_those_of_the_provisioner() -> None:
    found = load(claims={"defaultTLSCertDuration": "1h"})
    assert found.limits.default_duration == dt.timedelta(hours=1)
