"""The verbs with certificates: our authority and step-ca issue them, a service asks for them."""

import contextlib
import json
import ssl
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509

from fakes.guarded_service import Service, serve_guarded
from fakes.oauth_provider import CLIENT, Provider, serve_provider, walk
from fixtures.machine import Machine, authority, machine, stranger
from fixtures.running import run, wait_until
from fixtures.step_ca import step_ca

__all__ = ["authority", "machine", "stranger"]

RENEWABLE = {"refresh_token": "refresh-0", "expires_in": 3600}


@contextlib.contextmanager
def service_of(host: Machine, tokens: Provider | None = None) -> Generator[Service]:
    """A service with a certificate of the authority; it takes certificates and, of a provider, tokens."""
    host.certificate("localhost")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(host.authority.root))
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.load_cert_chain(host.home / "localhost.crt", host.home / "localhost.key")
    with serve_guarded(tls) as service:
        service.tokens = tokens.active if tokens else ()
        yield service


def login(host: Machine, service: str, *flags: str) -> None:
    said = host.newel("login", service, "--subject", "ada", *host.provisioner, *flags).stderr
    assert "✔ Logged in: ada until " in said


def configure(host: Machine, **settings: str) -> None:
    """Adds to defaults.json."""
    file = host.home / "step/config/defaults.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


@pytest.mark.parametrize("kind", ["token", "certificate"])
def test_a_token_and_a_certificate_are_swapped_at_login_and_nowhere_else(
    machine: Machine, kind: str
) -> None:
    """The configuration names the authority; every line is the same, the login's too."""
    with serve_provider() as provider, service_of(machine, provider) as service:
        url = f"https://localhost:{service.port}"
        configure(machine, credential=kind, subject="ada")
        words = ("login", url, *machine.provisioner)
        if kind == "token":
            provider.answers = dict(RENEWABLE)
            env = {"STEPPATH": str(machine.home / "step")}
            assert walk(provider, *words, env=env)[0] == 0
        else:
            machine.newel(*words, "--provider", provider.url, *CLIENT)
        who = json.loads(machine.newel("request", f"{url}/whoami").stdout)["who"]
        assert who == {"token": "access", "certificate": "ada"}[kind]
        (listed,) = json.loads(machine.newel("login", "--list", "--output", "json").stdout)
        assert (listed["service"], listed["credential"]) == (url, kind)
        machine.newel("request", "--access", url, "--out", "access")
        assert (machine.home / "access").stat().st_mode & 0o777 == 0o600
        machine.newel("logout", url)
        assert machine.newel("login", "--list").stdout == ""
        assert machine.newel("request", url, good=False).stdout == ""


@pytest.mark.needs("curl")
def test_another_program_has_a_key_of_its_own(machine: Machine) -> None:
    """curl asks with the token that was handed out, which outlives the login."""
    with service_of(machine) as service:
        url = f"https://localhost:{service.port}"
        login(machine, url)
        machine.newel("request", "--access", url, "--out", "access.pem")
        machine.newel("logout", url)
        curl = [
            "curl",
            "-sS",
            "--cacert",
            machine.authority.root,
            "--cert",
            machine.home / "access.pem",
        ]
        assert json.loads(run([*curl, url]).stdout)["who"] == "ada"


def find_credentials(host: Machine) -> Path:
    (file,) = (host.home / "step/credentials").glob("*.json")
    return file


def leaf_of(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(
        json.loads(file.read_text())["credential"]["chain"].encode()
    )


@pytest.mark.needs("step", "step-ca")
@pytest.mark.parametrize("authority", ["step-ca"], indirect=True)
def test_a_certificate_is_renewed_when_it_is_due(machine: Machine) -> None:
    """Ours lets nothing begin before its own certificate, and so issues nothing that is due at once."""
    with service_of(machine) as service:
        url = f"https://localhost:{service.port}"
        login(machine, url, "--not-before", "-23h", "--not-after", "24h")
        before = leaf_of(find_credentials(machine))
        machine.newel("request", url)
        after = leaf_of(find_credentials(machine))
        assert after.serial_number != before.serial_number
        assert after.subject == before.subject


def test_a_certificate_is_revoked_at_the_end(machine: Machine) -> None:
    with service_of(machine) as service:
        url = f"https://localhost:{service.port}"
        login(machine, url)
        file = find_credentials(machine)
        copy = file.read_bytes()
        machine.newel("logout", url)
        file.write_bytes(copy)
        said = machine.newel("request", "--access", url, good=False).stderr
        assert "lacked necessary authorization" in said


def test_an_authority_that_is_away_takes_no_login_away(machine: Machine) -> None:
    with service_of(machine) as service:
        url = f"https://localhost:{service.port}"
        login(machine, url)
        file = find_credentials(machine)
        file.write_text(file.read_text().replace(machine.authority.url, "https://localhost:1"))
        before = file.read_bytes()
        said = machine.newel("logout", url, good=False).stderr
        assert "is kept, because it could not be revoked" in said
        assert file.read_bytes() == before
        assert "a copy of it stays good until" in machine.newel("logout", url, "--force").stderr


@pytest.mark.attack("T01")
def test_a_rogue_service_is_told_nothing(
    machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A server whose certificate leads nowhere gets neither token nor request."""
    work = tmp_path_factory.mktemp("rogue")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", work / "key", "-out", work / "crt", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"])  # fmt: skip # a command line
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(work / "crt", work / "key")
    with serve_guarded(tls) as rogue:
        url = f"https://localhost:{rogue.port}"
        login(machine, url)
        assert "failed to verify certificate" in machine.fail("request", url, "-d", "secret")
        assert rogue.came == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--token", "a.b.c"], "error parsing token"),
        (
            ["--subject", "ada", "--provisioner", "missing"],
            "invalid value 'missing' for flag '--provisioner'",
        ),
        (["--subject", "ada", "--provisioner", "admin"], "error allocating terminal"),
    ],
)
def test_no_login_comes_of_a_refusal(machine: Machine, flags: list[str], said: str) -> None:
    assert said in machine.fail("login", "https://files.example", *flags)


def test_a_device_needs_its_token_and_nothing_else(
    machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One token gives root, certificate and renewal, and it is valid once."""
    token = machine.token("gate")
    device = Machine(machine.authority, tmp_path_factory.mktemp("device"))
    words = ("enroll", "device", "gate.crt", "gate.key", "--token", token)
    device.newel(*words)
    assert device.read("gate").subject.rfc4514_string() == "CN=gate"
    assert (device.home / "gate.key").stat().st_mode & 0o777 == 0o600
    before = device.read("gate").serial_number
    device.newel("ca", "renew", "--force", "gate.crt", "gate.key")
    assert device.read("gate").serial_number != before
    device.fail(*words, "--force")
    late = Machine(machine.authority, tmp_path_factory.mktemp("late"))
    late.fail(*words)
    assert late.files() == {}


def test_a_signature_verifies_for_everyone_who_trusts_the_authority(machine: Machine) -> None:
    """The root that bootstrap stored is enough to learn who signed."""
    machine.certificate("ada.example")
    (machine.home / "text").write_text("text")
    words = ("--key", "ada.example.key", "--cert", "ada.example.crt", "--out", "text.jws")
    machine.newel("sign", "text", *words)
    verify = ("verify", "text", "--signature", "text.jws", "--signer")
    assert "✔ Signed by: ada.example" in machine.newel(*verify, "ada.example").stderr
    machine.newel("encrypt", "text", "--to", "ada.example.crt", "--out", "text.jwe")
    assert machine.newel("decrypt", "text.jwe", "--key", "ada.example.key").stdout == "text"
    assert "it is signed by ada.example, not by bob" in machine.fail(*verify, "bob")
    (machine.home / "text").write_text("test")
    assert "invalid signature" in machine.fail(*verify, "ada.example")


@pytest.mark.parametrize("authority", ["up"], indirect=True)
def test_a_signer_who_was_revoked_is_found_out(machine: Machine) -> None:
    machine.certificate("ada.example")
    (machine.home / "text").write_text("text")
    pair = ("--key", "ada.example.key", "--cert", "ada.example.crt")
    machine.newel("sign", "text", *pair, "--out", "text.jws")
    verify = ("verify", "text", "--signature", "text.jws")
    machine.newel(*verify, "--verify-ocsp")
    machine.newel("ca", "revoke", *pair)
    wait_until(lambda: machine.newel(*verify, "--verify-ocsp", good=False))
    assert "revoked" in machine.fail(*verify, "--verify-ocsp")
    machine.newel(*verify)


@pytest.mark.needs("step", "step-ca", "ssh-keygen")
def test_a_key_that_is_there_already_is_certified_for_ssh(tmp_path: Path) -> None:
    with step_ca(tmp_path / "state", "--ssh") as running:
        home = tmp_path / "home"
        home.mkdir()
        person = Machine(running, home)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "id"])
        fingerprint = subprocess.run(
            ["openssl", "x509", "-in", running.root, "-noout", "-fingerprint", "-sha256"],
            capture_output=True, text=True, check=True,
        ).stdout.partition("=")[2].strip().replace(":", "")  # fmt: skip # a command line
        person.newel("ca", "bootstrap", "--ca-url", running.url, "--fingerprint", fingerprint)
        words = [
            "--provisioner",
            "admin",
            "--provisioner-password-file",
            str(running.password_file),
        ]
        person.newel("enroll", "key", "ada@example.com", "id.pub", *words)
        shown = run(["ssh-keygen", "-L", "-f", home / "id-cert.pub"]).stdout
        assert 'Key ID: "ada@example.com"' in shown
        assert "user certificate" in shown
