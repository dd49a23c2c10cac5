"""The step program, as installed from its own package, against a running authority."""

import datetime as dt
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.processes import free_port
from fixtures.running import Authority, others, run, serve_newel, wait_until
from newel.step import extension
from newel.step.fingerprint import fingerprint

pytestmark = pytest.mark.needs("step")


@dataclass(frozen=True, slots=True)
class Client:
    """A machine with step on it: its own STEPPATH, and files where it works."""

    authority: Authority
    home: Path

    def step(self, *words: str, good: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs step; fails with what it said unless it ended as it should."""
        done = subprocess.run(
            [others("step"), *words],
            cwd=self.home,
            env={**os.environ, "STEPPATH": str(self.home / "step")},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        assert (done.returncode == 0) is good, f"{words}: {done.stdout}{done.stderr}"
        return done

    @property
    def provisioner(self) -> list[str]:
        """The flags that choose the provisioner and open its key."""
        password = str(self.authority.password_file)
        return ["--provisioner", "admin", "--password-file", password]

    def token(self, subject: str, *flags: str) -> str:
        """A one-time token."""
        return self.step("ca", "token", subject, *flags, *self.provisioner).stdout.strip()

    def certificate(self, name: str = "foo.internal", *flags: str) -> x509.Certificate:
        """A certificate in ``<name>.crt`` with its key in ``<name>.key``."""
        files = [f"{name}.crt", f"{name}.key"]
        self.step("ca", "certificate", name, *files, "--force", *self.provisioner, *flags)
        return self.read(name)

    def chain(self, name: str) -> list[x509.Certificate]:
        """What ``<name>.crt`` holds."""
        return x509.load_pem_x509_certificates((self.home / f"{name}.crt").read_bytes())

    def read(self, name: str) -> x509.Certificate:
        """The first certificate of ``<name>.crt``."""
        return self.chain(name)[0]


@pytest.fixture
def client(authority: Authority, tmp_path: Path) -> Client:
    """A client that knows the authority by its fingerprint alone."""
    made = Client(authority, tmp_path)
    root = x509.load_pem_x509_certificate(authority.root.read_bytes())
    sha = fingerprint(root.public_bytes(Encoding.DER))
    made.step("ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", sha)
    return made


def test_bootstrap_and_what_anybody_may_ask(client: Client) -> None:
    root = client.authority.root.read_text().strip()
    assert (client.home / "step/certs/root_ca.crt").read_text().strip() == root
    assert client.step("ca", "health").stdout == "ok\n"
    assert client.step("ca", "roots").stdout.strip() == root
    assert client.step("ca", "federation").stdout.strip() == root
    provisioners = json.loads(client.step("ca", "provisioner", "list").stdout)
    assert [(each["type"], each["name"]) for each in provisioners] == [
        ("JWK", "admin"),
        ("ACME", "acme"),
    ]
    kid = provisioners[0]["key"]["kid"]
    # after the two dashes an id may begin with one
    key = client.step("ca", "provisioner", "jwe-key", "--", kid).stdout
    assert key.strip() == provisioners[0]["encryptedKey"]


def test_a_wrong_fingerprint_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Client(authority, tmp_path)
    words = ["ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", "00" * 32]
    done = stranger.step(*words, good=False)
    assert f'root certificate with fingerprint "{"00" * 32}" was not found' in done.stderr
    assert not (tmp_path / "step/certs/root_ca.crt").exists()


def test_a_certificate_as_step_knows_it(client: Client) -> None:
    """The certificate has the chain, names and lifetime that step asked for."""
    leaf = client.certificate("foo.internal")
    assert len(client.chain("foo.internal")) == 2
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert lifetime.total_seconds() == 24 * 3600 + 60
    root = str(client.home / "step/certs/root_ca.crt")
    client.step("certificate", "verify", "foo.internal.crt", "--roots", root)
    shown = client.step("certificate", "inspect", "foo.internal.crt", "--short").stdout
    assert "Provisioner: admin" in shown
    value = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(extension.OID)).value
    assert isinstance(value, x509.UnrecognizedExtension)
    said = extension.ProvisionerExtension.decode(value.value)
    assert (said.type.name, said.name) == ("JWK", "admin")


def test_names_and_durations_that_are_asked_for(client: Client) -> None:
    leaf = client.certificate(
        "foo.internal", "--san", "foo.internal", "--san", "10.0.0.1", "--san", "a@b.example",
        "--san", "https://foo.internal/x", "--not-after", "10m",
    )  # fmt: skip # a command line
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["foo.internal"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert names.get_values_for_type(x509.RFC822Name) == ["a@b.example"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["https://foo.internal/x"]
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert lifetime.total_seconds() == pytest.approx(660, abs=2)
    words = ["ca", "certificate", "x.internal", "x.crt", "x.key", "--not-after", "100h"]
    done = client.step(*words, *client.provisioner, good=False)
    assert "requested duration of 100h" in done.stderr
    assert not (client.home / "x.crt").exists()


def test_a_token_alone_is_enough_once(authority: Authority, client: Client, tmp_path: Path) -> None:
    """A host that has nothing but the token gets a certificate by it."""
    token = client.token("bar.internal")
    (tmp_path / "host").mkdir()
    host = Client(authority, tmp_path / "host")
    words = ["ca", "certificate", "bar.internal", "bar.crt", "bar.key", "--token", token]
    host.step(*words)
    done = host.step(*words, "--force", good=False)
    assert "The request lacked necessary authorization to be completed." in done.stderr


def test_sign_a_request_made_elsewhere(client: Client) -> None:
    run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "r.key", "-out", "r.csr",
         "-subj", "/CN=r.internal", "-addext", "subjectAltName=DNS:r.internal"],
        cwd=client.home,
    )  # fmt: skip # a command line
    client.step("ca", "sign", "r.csr", "r.crt", *client.provisioner)
    usage = client.read("r").extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_encipherment


@pytest.mark.parametrize("flags", [[], ["--mtls=false"]], ids=["mtls", "bearer"])
def test_renew(client: Client, flags: list[str]) -> None:
    before = client.certificate("foo.internal")
    client.step("ca", "renew", "foo.internal.crt", "foo.internal.key", "--force", *flags)
    after = client.read("foo.internal")
    assert after.serial_number != before.serial_number
    assert after.public_key() == before.public_key()
    assert after.subject == before.subject


def test_rekey(client: Client) -> None:
    before = client.certificate("foo.internal")
    client.step("ca", "rekey", "foo.internal.crt", "foo.internal.key", "--force")
    after = client.read("foo.internal")
    assert after.public_key() != before.public_key()
    assert after.subject == before.subject


def revoke_by_token(client: Client, serial: str) -> Sequence[str]:
    return ["ca", "revoke", serial, "--token", client.token(serial, "--revoke")]


def test_revoke_by_token(client: Client) -> None:
    serial = str(client.certificate("foo.internal").serial_number)
    done = client.step(*revoke_by_token(client, serial), "--reasonCode", "superseded")
    assert f"Certificate with Serial Number {serial} has been revoked." in done.stderr + done.stdout
    done = client.step(*revoke_by_token(client, serial), good=False)
    assert f"certificate with serial number '{serial}' is already revoked" in done.stderr
    for flags in ([], ["--mtls=false"]):
        words = ["ca", "renew", "foo.internal.crt", "foo.internal.key", "--force", *flags]
        done = client.step(*words, good=False)
        assert "The request lacked necessary authorization to be completed." in done.stderr


def test_revoke_by_the_certificates_own_key(client: Client) -> None:
    serial = client.certificate("foo.internal").serial_number
    client.step("ca", "revoke", "--cert", "foo.internal.crt", "--key", "foo.internal.key")
    facts = [line for line in client.authority.audit() if line.get("event") == "revoke"]
    granted: list[dict[str, Any]] = [line for line in facts if line["outcome"] == "granted"]
    assert any(line.get("actor") == f"mtls:{serial}" for line in granted)


def test_no_token_is_ever_written_down(client: Client) -> None:
    token = client.token("secret.internal")
    words = ["ca", "certificate", "secret.internal", "s.crt", "s.key", "--token", token]
    client.step(*words)
    client.step(*words, "--force", good=False)
    trail = "".join(path.read_text() for path in client.authority.trail())
    signature = token.rpartition(".")[2]
    assert "secret.internal" in trail
    assert signature not in trail
    assert signature not in client.authority.logs()


def test_provisioners_come_and_go_while_running(tmp_path: Path) -> None:
    """T15: step edits ca.json, SIGHUP takes it over, certificates of what is gone are not renewed."""
    state = tmp_path / "state"
    with serve_newel(state, free_port(), free_port()) as (authority, process):
        client = Client(authority, tmp_path / "client")
        client.home.mkdir()
        root = x509.load_pem_x509_certificate(authority.root.read_bytes())
        sha = fingerprint(root.public_bytes(Encoding.DER))
        client.step("ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", sha)
        (client.home / "pw").write_text("another secret")
        editing = ["--ca-config", str(state / "config/ca.json")]
        adding = ["ops", "--create", "--password-file", "pw", *editing]
        client.step("ca", "provisioner", "add", *adding)
        ops = ["--provisioner", "ops", "--password-file", "pw"]
        files = ["o.internal", "o.crt", "o.key", "--force"]
        client.step("ca", "certificate", *files, *ops, good=False)
        process.send_signal(signal.SIGHUP)

        def list_names() -> list[str]:
            return [each["name"] for each in authority.get("/provisioners")["provisioners"]]

        wait_until(lambda: "ops" in list_names())
        client.step("ca", "certificate", *files, *ops)
        client.step("ca", "renew", "o.crt", "o.key", "--force")
        client.step("ca", "provisioner", "remove", "ops", *editing)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "ops" not in list_names())
        done = client.step("ca", "renew", "o.crt", "o.key", "--force", good=False)
        assert "The request lacked necessary authorization to be completed." in done.stderr
        assert {"admin", "acme"} <= set(list_names())


def test_the_limits_of_ca_json_reach_every_service(tmp_path: Path) -> None:
    """A year and five minutes' backdate: registration, issuing and signer agree on what ca.json says."""
    state = tmp_path / "state"
    ports = free_port(), free_port()
    with serve_newel(state, *ports):
        pass
    file = state / "config/ca.json"
    ca = json.loads(file.read_text())
    ca["authority"]["claims"] = {"maxTLSCertDuration": "8760h0m0s"}
    ca["authority"]["backdate"] = "5m0s"
    file.write_text(json.dumps(ca))
    with serve_newel(state, *ports) as (authority, _):
        client = Client(authority, tmp_path / "client")
        client.home.mkdir()
        root = x509.load_pem_x509_certificate(authority.root.read_bytes())
        sha = fingerprint(root.public_bytes(Encoding.DER))
        client.step("ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", sha)
        leaf = client.certificate("y.internal", "--not-after", "8760h")
        lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        # the start is not before that of the issuer, which was made a moment ago
        assert 8760 * 3600 <= lifetime.total_seconds() <= 8760 * 3600 + 300
        client.step("ca", "renew", "y.internal.crt", "y.internal.key", "--force")
        again = client.read("y.internal")
        assert again.not_valid_after_utc - again.not_valid_before_utc > dt.timedelta(days=364)
