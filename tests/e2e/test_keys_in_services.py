"""Authorities whose keys are in a token, and in three key services: X.509 in AWS, SSH in Google's and Azure's."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509

from fixtures.key_services import (
    KeyVault,
    azure_environment,
    google_credentials,
    serve_aws,
    serve_azure,
    serve_google,
)
from fixtures.pki import InternalPki
from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, others, run, serve_newel, wait_until
from newel.crypto import keys, pem
from newel.crypto.certificate import issuer_id

pytestmark = pytest.mark.needs("step", "openssl")

RING = "projects/p/locations/l/keyRings/r/cryptoKeys"
CEREMONY = """
record = "{0}/record.json"

[[existing]]
name = "root"
certificate = "{0}/certs/root_ca.crt"
store = {{ kind = "file", path = "{0}/secrets/root_ca_key", password_file = "{0}/../pw" }}

[[certificates]]
name = "intermediate"
role = "intermediate"
issuer = "root"
subject = {{ common_name = "Elsewhere" }}
store = "{1}"
algorithm = "RSA-2048"
certificate = "{0}/certs/elsewhere.crt"
"""
AWS_KEY = "awskms:key-id=alias/ca;region=eu-central-1"


class Clouds(NamedTuple):
    """Three key services, and the environment of a process that uses them."""

    aws: KeyVault
    google: KeyVault
    azure: KeyVault
    environment: dict[str, str]


def init(folder: Path) -> Path:
    """What the original's `step ca init --ssh` writes."""
    state, password = folder / "home", folder / "pw"
    password.write_text("p4ss")
    password.chmod(0o600)
    run(
        [
            others("step"), "ca", "init", "--ssh", "--name", "T", "--dns", "localhost", "--address", ":9000",
            "--provisioner", "admin", "--deployment-type", "standalone", "--password-file", password,
        ],
        env={**os.environ, "STEPPATH": str(state)},
    )  # fmt: skip # a command line
    return state


def is_listed(url: str, leaf: x509.Certificate, issuer: bytes) -> bool:
    """Tell whether the revocation list at a URL, signed by the issuer, has a certificate."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - http
        crl = x509.load_der_x509_crl(answer.read())
    public: Any = x509.load_der_x509_certificate(issuer).public_key()
    assert crl.is_signature_valid(public)
    return crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None


def find_signer(file: Path) -> str:
    """What ssh-keygen says signed a certificate."""
    done = subprocess.run(
        ["ssh-keygen", "-L", "-f", file], check=True, capture_output=True, text=True
    )
    return next(line for line in done.stdout.splitlines() if "Signing CA" in line)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Generator[Clouds]:
    """The three services with a key each, and a process's environment that leads to them."""
    folder = tmp_path_factory.mktemp("clouds")
    pki = InternalPki(folder)
    vault_tls, google_tls = pki.files("lab.vault.azure.net"), pki.files("localhost")
    with (
        serve_aws({"alias/ca": keys.generate("RSA-2048")}) as aws,
        serve_google(
            {"host": keys.generate("P-256")}, google_tls.certificate, google_tls.key
        ) as google,
        serve_azure(
            {"user": keys.generate("P-384")}, vault_tls.certificate, vault_tls.key
        ) as azure,
    ):
        environment = {
            **azure_environment(azure, pki.roots),
            "NO_PROXY": "localhost,127.0.0.1",
            "AWS_ENDPOINT_URL_KMS": aws.address,
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(pki.roots),
        }
        yield Clouds(aws, google, azure, environment)


def move_keys(folder: Path, state: Path, clouds: Clouds) -> None:
    """Certify the key in AWS by a ceremony, and name all three in ca.json."""
    certify(folder, state, AWS_KEY, {**os.environ, **clouds.environment})
    ssh = {
        "hostKey": f"cloudkms:{RING}/host/cryptoKeyVersions/1"
        f"?credentials-file={google_credentials(folder)}&endpoint={clouds.google.address}",
        "userKey": "azurekms:vault=lab;name=user",
    }
    edit_ca_json(state, key=AWS_KEY, ssh=ssh)


def certify(folder: Path, state: Path, key: str, environment: dict[str, str]) -> None:
    """Certify a key as an intermediate by a ceremony."""
    plan = folder / "ceremony.toml"
    plan.write_text(CEREMONY.format(state, key))
    run([NEWEL, "ceremony", plan], env=environment)


def edit_ca_json(state: Path, **members: object) -> None:
    """Name the certified key in ca.json, as its members say."""
    file = state / "config/ca.json"
    ca: dict[str, Any] = json.loads(file.read_text())
    file.write_text(json.dumps(ca | {"crt": f"{state}/certs/elsewhere.crt"} | members))


def step(authority: Authority, *words: str) -> None:
    """Run the original's step, which must succeed."""
    done = authority.step(*words, "--ca-url", authority.url)
    assert done.returncode == 0, done.stderr


def test_certificates_are_issued_and_revoked_by_keys_in_three_services(
    tmp_path: Path, clouds: Clouds
) -> None:
    state, password = init(tmp_path), str(tmp_path / "pw")
    move_keys(tmp_path, state, clouds)
    words = ("--provisioner", "admin", "--provisioner-password-file", password, "--force")
    made, host, user = (tmp_path / name for name in ("web.crt", "host", "user"))
    with serve_newel(
        state, free_port(), free_port(), "--password-file", password, env=clouds.environment
    ) as (authority, _):
        step(authority, "ca", "certificate", "web.test", str(made), f"{made}.key", *words)
        chain = state / "certs/elsewhere.crt"
        run(["openssl", "verify", "-CAfile", authority.root, "-untrusted", chain, made])
        secret = ("--no-password", "--insecure")
        step(authority, "ssh", "certificate", "web.test", str(host), "--host", *words, *secret)
        step(authority, "ssh", "certificate", "ada", str(user), *words, *secret)
        assert "nistp256" in find_signer(host.with_name("host-cert.pub"))
        assert "nistp384" in find_signer(user.with_name("user-cert.pub"))
        step(authority, "ca", "revoke", "--cert", str(made), "--key", f"{made}.key")
        leaf = x509.load_pem_x509_certificate(made.read_bytes())
        issuer = pem.decode_all(chain.read_bytes())[0]
        url = f"{authority.http_url}/crl/{issuer_id(issuer)}.crl"
        wait_until(lambda: is_listed(url, leaf, issuer), seconds=60)
        assert all(vault.signed for vault in (clouds.aws, clouds.google, clouds.azure))


@pytest.mark.needs("pkcs11-tool")
def test_certificates_are_issued_by_keys_in_a_token_that_ca_json_names_as_the_original_does(
    tmp_path: Path, softhsm: Any
) -> None:
    state, password = init(tmp_path), str(tmp_path / "pw")
    service = f"pkcs11:module-path={softhsm.module};token={softhsm.token}?pin-value={softhsm.pin}"
    certify(tmp_path, state, f"{service}&object=issuing&id=a1", dict(os.environ))
    for name in ("users", "hosts"):
        run(
            [
                "pkcs11-tool", "--module", softhsm.module, "--token-label", softhsm.token, "--login",
                "--pin", softhsm.pin, "--keypairgen", "--key-type", "EC:prime256v1", "--label", name,
            ]
        )  # fmt: skip # a command line
    ssh = {"hostKey": "pkcs11:object=hosts", "userKey": "pkcs11:object=users"}
    kms = {"type": "pkcs11", "uri": service}
    edit_ca_json(state, key="pkcs11:object=issuing", ssh=ssh, kms=kms)
    words = ("--provisioner", "admin", "--provisioner-password-file", password, "--force")
    made, user = tmp_path / "web.crt", tmp_path / "user"
    with serve_newel(state, free_port(), free_port(), "--password-file", password) as (
        authority,
        _,
    ):
        step(authority, "ca", "certificate", "web.test", str(made), f"{made}.key", *words)
        chain = state / "certs/elsewhere.crt"
        run(["openssl", "verify", "-CAfile", authority.root, "-untrusted", chain, made])
        step(
            authority, "ssh", "certificate", "ada", str(user), *words, "--no-password", "--insecure"
        )
        assert "nistp256" in find_signer(user.with_name("user-cert.pub"))
        assert softhsm.pin not in authority.logs()
