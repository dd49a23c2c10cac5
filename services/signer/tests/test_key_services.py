"""Keys in the key services of three clouds, each against a server that keeps to the service's rules."""

import datetime as dt
import json
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fixtures import statements
from fixtures.key_services import (
    KeyVault,
    azure_environment,
    google_credentials,
    serve_aws,
    serve_azure,
    serve_google,
)
from fixtures.pki import InternalPki
from fixtures.signer import open_harness
from fixtures.statements import NOW
from newel.crypto import keys
from newel.crypto.keys import InvalidKeyError, KeyKind
from newel.runtime.clock import ManualClock
from newel.runtime.config import Config as Settings
from newel.runtime.config import ConfigError
from newel.signer.ceremony.authority import AuthorityFiles
from newel.signer.ceremony.certificates import CeremonyError
from newel.signer.ceremony.execution import run_ceremony
from newel.signer.ceremony.plan import Plan
from newel.signer.keys import KeyUnavailableError, SigningKey
from newel.signer.keystore.opening import Monitor, open_key
from newel.signer.keystore.services.circuit import FAILURES, PAUSE
from newel.signer.metrics import Metrics
from newel.signer.stores import Store

pytestmark = pytest.mark.network

RING = "projects/p/locations/l/keyRings/r/cryptoKeys"
BODY = b"0\x82 a statement"


class AnyStoreConfig(Settings):
    """A setting that names a key."""

    store: Store


@dataclass
class Cloud:
    """One service, and how its keys are named."""

    vault: KeyVault
    uri: str
    kinds: tuple[str, ...]
    registry: CollectorRegistry
    clock: ManualClock
    metrics: Metrics

    def open(self, name: str) -> SigningKey:
        store = AnyStoreConfig.model_validate({"store": self.uri.format(name)}).store
        return open_key(store, Monitor("ca", self.clock, self.metrics))

    def count(self, outcome: str) -> float:
        name = "newel_signer_key_service_calls_total"
        return self.registry.get_sample_value(name, {"key": "ca", "outcome": outcome}) or 0


@pytest.fixture(scope="session")
def private_keys() -> dict[str, keys.PrivateKey]:
    """One key of each kind, and some that are no issuers'."""
    kinds = {
        "p256": KeyKind.P256,
        "p384": KeyKind.P384,
        "rsa": KeyKind.RSA2048,
        "ed25519": KeyKind.ED25519,
    }
    made = {name: keys.generate(kind) for name, kind in kinds.items()}
    return (
        made
        | dict.fromkeys(("open", "verifier", "hsm", "cipher"), made["p256"])
        | {"pss": made["rsa"], "p521": keys.generate(KeyKind.P521)}
    )


@pytest.fixture(scope="session")
def vaults(
    private_keys: dict[str, keys.PrivateKey], tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[str, tuple[KeyVault, str, dict[str, str]]]]:
    """The three services, the form of a key's URI and the environment of their clients."""
    folder = tmp_path_factory.mktemp("clouds")
    pki = InternalPki(folder)
    vault_tls, google_tls = pki.files("lab.vault.azure.net"), pki.files("localhost")
    with (
        serve_aws(private_keys) as aws,
        serve_google(private_keys, google_tls.certificate, google_tls.key) as google,
        serve_azure(private_keys, vault_tls.certificate, vault_tls.key) as azure,
    ):
        account = google_credentials(folder)
        yield {
            "aws": (
                aws,
                f"awskms:key-id={{}};region=eu-central-1;endpoint={aws.address}",
                {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"},
            ),
            "google": (
                google,
                f"cloudkms:{RING}/{{}}/cryptoKeyVersions/1?credentials-file={account}&endpoint={google.address}",
                {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(google_tls.roots)},
            ),
            "azure": (
                azure,
                "azurekms:vault=lab;name={}",
                azure_environment(azure, vault_tls.roots),
            ),
        }


KINDS = {
    "aws": ("p256", "p384", "rsa", "ed25519"),
    "google": ("p256", "p384", "rsa", "ed25519"),
    "azure": ("p256", "p384", "rsa"),
}


@pytest.fixture(params=sorted(KINDS))
def cloud(request: pytest.FixtureRequest, vaults: Any, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """One of the services, without faults."""
    vault, uri, environment = vaults[request.param]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    vault.signed.clear()
    vault.faults.clear()
    registry = CollectorRegistry()
    return Cloud(vault, uri, KINDS[request.param], registry, ManualClock(NOW), Metrics(registry))


def test_keys_of_every_kind_sign_small_and_large_statements(cloud: Cloud) -> None:
    for kind in cloud.kinds:
        key = cloud.open(kind)
        assert key.public_key == cloud.vault.keys[kind].public_key()
        for body in (BODY, BODY * 1000):
            if key.max_body is None or len(body) <= key.max_body:
                keys.verify(key.public_key, key.sign(body), body)
        key.close()


def test_a_digest_leaves_the_process_and_never_a_long_statement(cloud: Cloud) -> None:
    cloud.open("p384").sign(BODY * 1000)
    (asked,) = cloud.vault.signed
    assert BODY.decode("latin-1") not in str(asked)


def test_a_service_that_throttles_is_asked_again(cloud: Cloud) -> None:
    key = cloud.open("p256")
    cloud.vault.faults.append("throttle")
    keys.verify(key.public_key, key.sign(BODY), BODY)
    assert len(cloud.vault.signed) == 2
    assert cloud.count("signed") == 1


@pytest.mark.parametrize("cloud", ["azure", "google"], indirect=True)
def test_a_service_that_throttles_on_is_unavailable_after_a_few_attempts(cloud: Cloud) -> None:
    key = cloud.open("p256")
    cloud.vault.faults.extend(["throttle"] * 100)
    with pytest.raises(KeyUnavailableError, match="fails for the key"):
        key.sign(BODY)
    assert 1 < len(cloud.vault.signed) <= 20
    assert cloud.count("failed") == 1


@pytest.mark.attack("X06")
def test_a_signature_with_a_flipped_bit_never_leaves(cloud: Cloud) -> None:
    key = cloud.open("rsa")
    cloud.vault.faults.append("flip")
    with pytest.raises(KeyUnavailableError, match="does not verify"):
        key.sign(BODY)
    assert cloud.count("invalid") == 1


def test_a_circuit_opens_after_failures_and_closes_after_a_pause(cloud: Cloud) -> None:
    def is_open() -> float | None:
        name = "newel_signer_key_service_circuit_open"
        return cloud.registry.get_sample_value(name, {"key": "ca"})

    key = cloud.open("p256")
    cloud.vault.faults.extend(["deny"] * (FAILURES + 1))
    assert is_open() == 0
    for _ in range(FAILURES):
        with pytest.raises(KeyUnavailableError, match=r"(?i)denied|permission|authorized"):
            key.sign(BODY)
    assert is_open() == 1
    with pytest.raises(KeyUnavailableError, match="not tried again"):
        key.sign(BODY)
    assert len(cloud.vault.signed) == FAILURES
    cloud.clock.advance(dt.timedelta(seconds=PAUSE))
    with pytest.raises(KeyUnavailableError, match=r"(?i)denied|permission|authorized"):
        key.sign(BODY)  # the trial fails too
    with pytest.raises(KeyUnavailableError, match="not tried again"):
        key.sign(BODY)
    cloud.clock.advance(dt.timedelta(seconds=PAUSE))
    key.sign(BODY)
    assert is_open() == 0
    key.sign(BODY)


def test_a_key_that_is_not_there_is_unavailable(cloud: Cloud) -> None:
    with pytest.raises(KeyUnavailableError, match="missing"):
        cloud.open("missing")


def test_a_curve_that_issuers_do_not_use_is_refused(cloud: Cloud) -> None:
    with pytest.raises(InvalidKeyError):
        cloud.open("p521")


@pytest.mark.parametrize(
    ("service", "name", "reason"),
    [
        ("aws", "cipher", "not one that signs"),
        ("google", "pss", "RSA_SIGN_PSS_2048_SHA256, not used here"),
        ("azure", "open", "can be exported"),
        ("azure", "verifier", "may not sign"),
        ("azure", "p256?hsm=true", "not in a hardware module"),
    ],
)
def test_a_key_that_cannot_be_an_issuers_is_refused(
    vaults: Any, monkeypatch: pytest.MonkeyPatch, service: str, name: str, reason: str
) -> None:
    _, uri, environment = vaults[service]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    store = AnyStoreConfig.model_validate({"store": uri.format(name)}).store
    with pytest.raises(InvalidKeyError, match=reason):
        open_key(store)


def test_a_key_of_a_hardware_module_may_be_demanded(
    vaults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, uri, environment = vaults["azure"]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    store = AnyStoreConfig.model_validate({"store": uri.format("hsm?hsm=true")}).store
    key = open_key(store)
    keys.verify(key.public_key, key.sign(BODY), BODY)


@pytest.mark.parametrize(
    ("service", "uri", "reason"),
    [
        ("aws", "awskms:key-id=p256", "region"),
        ("aws", "awskms:key-id=p256;region=r;profile=absent", "absent"),
        ("aws", "awskms:key-id=p256;region=r;credentials-file=/nowhere/file", "no such file"),
        (
            "google",
            f"cloudkms:{RING}/k/cryptoKeyVersions/1?credentials-file=/nowhere/file",
            "nowhere",
        ),
    ],
)
def test_settings_without_what_a_client_needs_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: str, uri: str, reason: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    store = AnyStoreConfig.model_validate({"store": uri}).store
    with pytest.raises(ConfigError, match=reason):
        open_key(store)


def plan_intermediate(files: AuthorityFiles, uri: str, algorithm: str = "P-256") -> Plan:
    """A root in a file that certifies the key of a service."""
    root = {"kind": "file", "path": files.root_key, "password_file": files.password_file}
    certificates = [
        {
            "name": "root",
            "role": "root",
            "subject": {"common_name": "Example Root"},
            "store": root,
            "certificate": files.root_certificate,
        },
        {
            "name": "intermediate",
            "role": "intermediate",
            "issuer": "root",
            "subject": {"common_name": "Example Intermediate"},
            "algorithm": algorithm,
            "store": uri,
            "certificate": files.intermediate_certificate,
        },
    ]
    return Plan.model_validate({"record": files.record, "certificates": certificates})


async def test_a_key_of_a_service_is_certified_by_a_ceremony_and_then_signs(
    cloud: Cloud, files: AuthorityFiles
) -> None:
    plan = plan_intermediate(files, cloud.uri.format("p256"))
    assert plan.certificates[1].store.location in plan.describe()
    run_ceremony(plan, NOW)
    record = json.loads(files.record.read_text())
    assert record["certificates"][1]["key"]["service"] == plan.certificates[1].store.kind
    key = {
        "name": "intermediate",
        "store": cloud.uri.format("p256"),
        "certificate": files.intermediate_certificate,
        "certificates": {},
        "crls": {},
    }
    harness = open_harness(files, {"keys": [key]})
    await harness.service.start[0]()
    body = statements.leaf(harness.issuer)
    (answer,) = await harness.sign("SignCertificate", body)
    public: Any = harness.issuer.public_key()
    keys.verify(public, answer.signature, body)
    cloud.vault.faults.append("deny")
    (answer,) = await harness.sign("SignCertificate", body)
    assert answer.error.type == "unavailable"
    await harness.service.stop[0]()


def test_a_ceremony_refuses_a_key_of_another_kind_than_planned(
    cloud: Cloud, files: AuthorityFiles
) -> None:
    with pytest.raises(CeremonyError, match="is RSA-2048, and the plan says P-256"):
        run_ceremony(plan_intermediate(files, cloud.uri.format("rsa")), NOW)
    assert not files.root_key.exists()


@pytest.mark.parametrize("cloud", ["aws", "google"], indirect=True)
def test_an_ed25519_key_that_signs_whole_messages_signs_no_revocation_lists(
    cloud: Cloud, files: AuthorityFiles
) -> None:
    run_ceremony(plan_intermediate(files, cloud.uri.format("ed25519"), "Ed25519"), NOW)
    key = {
        "name": "intermediate",
        "store": cloud.uri.format("ed25519"),
        "certificate": files.intermediate_certificate,
        "crls": {},
    }
    with pytest.raises(ConfigError, match="a revocation list is longer"):
        open_harness(files, {"keys": [key]})
    signing = cloud.open("ed25519")
    assert signing.max_body is not None
    with pytest.raises(KeyUnavailableError, match="at most"):
        signing.sign(bytes(signing.max_body + 1))
    assert not [asked for asked in cloud.vault.signed if len(str(asked)) > signing.max_body]


@pytest.mark.parametrize("package", ["boto3", "google", "azure"])
def test_an_image_without_a_client_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    uris = {
        "boto3": ("awskms:key-id=1", "aws"),
        "google": (f"cloudkms:{RING}/k/cryptoKeyVersions/1", "google"),
        "azure": ("azurekms:vault=lab;name=ca", "azure"),
    }
    uri, extra = uris[package]
    monkeypatch.delitem(sys.modules, f"newel.signer.keystore.services.{extra}", raising=False)
    monkeypatch.delattr(f"newel.signer.keystore.services.{extra}", raising=False)
    hidden = [name for name in sys.modules if name.split(".")[0] == package]
    for name in ("boto3", "google.cloud", "azure.core", *hidden):
        if name.split(".")[0] == package:
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=rf"newel-signer\[{extra}\]"):
        open_key(AnyStoreConfig.model_validate({"store": uri}).store)
