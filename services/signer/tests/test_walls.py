"""What no configuration can make of a running signer, and what it says when its keys do not fit."""

import datetime as dt
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures import statements as made
from fixtures.signer import SignerHarness, open_harness, settings
from fixtures.statements import DAY, NOW, load
from fixtures.validation_pki import CertificateAuthority
from newel.crypto import keys
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, load_toml, validate
from newel.signer.app import AuthorityFiles, create_authority, reissue_responder
from newel.signer.config import Config
from newel.signer.issuer import Issuer
from newel.signer.status_policy import OCSPPolicy


@pytest.fixture
def authority(files: AuthorityFiles) -> AuthorityFiles:
    create_authority(files, "Example", NOW - 10 * DAY)
    return files


def store(path: Path, files: AuthorityFiles) -> dict[str, Any]:
    return {"kind": "file", "path": path, "password_file": files.password_file}


def test_a_root_key_cannot_be_used_by_a_running_service(authority: AuthorityFiles) -> None:
    root = {
        "name": "root",
        "store": store(authority.root_key, authority),
        "certificate": authority.root_certificate,
    }
    for rules in ({"certificates": {}}, {"crls": {}}):
        with pytest.raises(ConfigError, match="no service runs with a root's key"):
            open_harness(authority, {"keys": [root | rules]})


@pytest.mark.attack("X03")
def test_a_key_that_is_not_its_certificates_does_not_start(authority: AuthorityFiles) -> None:
    configured = settings(authority)
    configured["keys"][0]["store"] = store(authority.responder_key, authority)
    with pytest.raises(ConfigError, match="key intermediate: the key is not its certificate's"):
        open_harness(authority, configured)


def test_an_authority_is_nobodys_responder() -> None:
    """A holder of its key could certify what it then calls good."""
    ca = CertificateAuthority("Intermediate", SystemClock().now())
    policy = partial(OCSPPolicy, issuer=Issuer(ca.der), max_validity=dt.timedelta(days=1))
    key = keys.generate()
    policy(Issuer(ca.responder(key).public_bytes(Encoding.DER)))
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    lower = ca.responder(key, more=[constraints])
    with pytest.raises(ValueError, match="not delegated by the issuer it answers for"):
        policy(Issuer(lower.public_bytes(Encoding.DER)))


def test_a_responder_answers_for_its_own_issuer_only(authority: AuthorityFiles) -> None:
    configured = settings(authority)
    configured["keys"][1]["ocsp"]["issuer_certificate"] = authority.root_certificate
    with pytest.raises(ConfigError, match="not delegated by the issuer it answers for"):
        open_harness(authority, configured)


def test_a_responders_key_signs_no_certificates(authority: AuthorityFiles) -> None:
    configured = settings(authority)
    configured["keys"][1]["certificates"] = {}
    with pytest.raises(ConfigError, match="intermediate CA"):
        open_harness(authority, configured)


@pytest.mark.attack("P08")
def test_a_wrong_password_is_not_shown(authority: AuthorityFiles) -> None:
    authority.password_file.write_text("wrong-horse")
    with pytest.raises(ConfigError, match="the password is wrong") as error:
        open_harness(authority)
    assert "wrong-horse" not in str(error.value)


@pytest.mark.attack("P08")
def test_a_password_others_can_read_is_refused(authority: AuthorityFiles) -> None:
    authority.password_file.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        open_harness(authority)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"certificates": {"extended_key_usages": ["OCSPSigning"]}}, "never gives"),
        ({"certificates": {"extended_key_usages": ["1.3.6.1.5.5.7.3.9"]}}, "never gives"),
        ({"certificates": {"extended_key_usages": ["2.5.29.37.0"]}}, "never gives"),
        ({"certificates": {"extended_key_usages": ["nonsense"]}}, "pattern"),
        ({"certificates": {"may_sign_ca": True}}, "unknown setting"),
        ({"certificates": {"max_validity": "0s"}}, "greater than"),
        ({"certificates": None, "crls": None}, "may sign nothing"),
        ({"certificate": None}, "if and only if"),
        ({"name": "../etc"}, "pattern"),
        ({"name": "ocsp"}, "the same name"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    authority: AuthorityFiles, change: dict[str, Any], complaint: str
) -> None:
    configured = settings(authority)
    configured["keys"][0] |= change
    with pytest.raises(ConfigError, match=complaint):
        validate(Config, configured, "signer.toml")


def test_the_configuration_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "signer.toml"
    path.write_text("""
[[keys]]
name = "intermediate"
certificate = "/etc/newel/intermediate.crt"
certificates = { max_validity = "48h", extended_key_usages = ["serverAuth", "1.3.6.1.5.5.7.3.17"] }
crls = { max_validity = "240h" }

[keys.store]
kind = "pkcs11"
module = "/usr/lib/softhsm/libsofthsm2.so"
token = "newel"
pin_file = "/etc/newel/pin"
label = "intermediate"
id = "01ff"
sessions = 8
""")
    (key,) = load_toml(path, Config).keys
    assert key.store.kind == "pkcs11"
    assert key.store.id == b"\x01\xff"
    assert key.certificates
    assert key.certificates.max_validity == 2 * DAY
    assert key.certificates.extended_key_usages[0] == "1.3.6.1.5.5.7.3.1"


async def answer_key(harness: SignerHarness) -> bytes:
    from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
    from newel.runtime.rpc.local import LocalChannel

    stub: Any = signer_pb2_grpc.KeysStub(LocalChannel(harness.server, "validation"))
    return (await stub.GetPublicKey(signer_pb2.GetPublicKeyRequest(key="ocsp"))).certificate


async def test_a_new_certificate_of_the_same_key_is_taken_up(authority: AuthorityFiles) -> None:
    harness = open_harness(authority, settings(authority) | {"check_every": "0.01s"})
    first = await answer_key(harness)
    assert reissue_responder(authority, NOW + 200 * DAY)
    import asyncio

    watching = asyncio.ensure_future(harness.service.tasks["certificates"]())  # noqa: TID251 - the process's part
    try:
        async with asyncio.timeout(10):
            while await answer_key(harness) == first:
                await asyncio.sleep(0.01)
        assert await answer_key(harness) == harness.responder.public_bytes(made.DER)
        # a file that does not fit the key changes nothing
        authority.responder_certificate.write_bytes(authority.root_certificate.read_bytes())
        await asyncio.sleep(0.1)
        assert await answer_key(harness) != load(authority.root_certificate).public_bytes(made.DER)
    finally:
        watching.cancel()


async def test_while_the_audit_trail_is_full_statuses_are_signed_and_certificates_are_not(
    authority: AuthorityFiles,
) -> None:
    harness = open_harness(authority)
    harness.audit.full = True
    (refused,) = await harness.sign("SignCertificate", made.leaf(harness.issuer))
    assert (refused.error.type, refused.signature) == ("unavailable", b"")
    (signed,) = await harness.sign("SignCRL", made.crl(harness.issuer))
    assert signed.signature
    harness.audit.full = False
    (signed,) = await harness.sign("SignCertificate", made.leaf(harness.issuer))
    assert signed.signature
