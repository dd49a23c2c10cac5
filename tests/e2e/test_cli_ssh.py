"""Our ssh commands against the real step-ca with its SSH authority, judged by ssh-keygen and ssh-add."""

import json
import os
import re
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.running import NEWEL, Authority, run
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-keygen", "ssh-agent")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    """A step-ca that signs for users and hosts."""
    with step_ca(tmp_path_factory.mktemp("ssh") / "state", "--ssh") as running:
        yield running


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with our command line, an own home, an own STEPPATH and no terminal."""

    authority: Authority
    home: Path
    agent: str = ""

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.home),
            "STEPPATH": str(self.home / "step"),
            "SSH_AUTH_SOCK": self.agent,
        }

    def ssh(
        self, *words: str, code: int = 0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Runs an ssh command; fails with what it said unless it ended with this code."""
        done = subprocess.run(
            [NEWEL, "ssh", *words],
            cwd=self.home, env=self.env, capture_output=True, check=False, input=stdin,
            start_new_session=True, timeout=60,
        )  # fmt: skip
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"{words}: {out}{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    @property
    def provisioner(self) -> list[str]:
        return ["--provisioner", "admin", "--provisioner-password-file",
                str(self.authority.password_file)]  # fmt: skip

    def certificate(self, name: str, key: str, *flags: str) -> dict[str, object]:
        """A certificate for a new key in the clear; what it says."""
        clear = [] if "--sign" in flags else ["--no-password", "--insecure"]
        self.ssh("certificate", name, key, "--force", *clear, *self.provisioner, *flags)
        return self.inspect(f"{key.removesuffix('.pub')}-cert.pub")

    def inspect(self, name: str) -> dict[str, object]:
        return json.loads(self.ssh("inspect", name, "--format", "json").stdout)

    def held(self) -> str:
        """What the agent holds, as ssh-add sees it."""
        done = subprocess.run(
            ["ssh-add", "-L"], env=self.env, capture_output=True, text=True, check=False
        )
        return "" if done.returncode else done.stdout


@pytest.fixture
def person(authority: Authority, tmp_path: Path) -> Generator[Person]:
    """A person who has bootstrapped, with an agent."""
    socket = tmp_path / "agent"
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True
    )
    assert agent.stdout is not None
    agent.stdout.readline()
    someone = Person(authority, tmp_path, str(socket))
    fingerprint = json.loads((authority.state / "config/defaults.json").read_text())["fingerprint"]
    run([NEWEL, "ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", fingerprint],
        env=someone.env)  # fmt: skip
    try:
        yield someone
    finally:
        agent.terminate()
        agent.wait()


def keygen(*words: str | Path) -> str:
    return run(["ssh-keygen", *words]).stdout


@pytest.mark.parametrize(
    "kind", [["EC"], ["OKP"], ["RSA", "--size", "2048"], ["EC", "--crv", "P-521"]]
)
def test_a_person_gets_a_key_and_a_certificate(person: Person, kind: list[str]) -> None:
    """SSH-01: key, public half and certificate, which ssh-keygen reads; and the agent has them."""
    said = person.certificate("Joe.Doe@example.com", "id", "--kty", *kind)
    assert said["Type"] == "user"
    assert said["Principals"] == ["joedoe", "Joe.Doe", "Joe.Doe@example.com"]
    key, public, certificate = (person.home / f"id{end}" for end in ("", ".pub", "-cert.pub"))
    assert [path.stat().st_mode & 0o777 for path in (key, public, certificate)] == [
        0o600,
        0o644,
        0o644,
    ]
    assert keygen("-y", "-P", "", "-f", key).split()[1] == public.read_text().split()[1]
    assert public.read_text().split()[2] == "Joe.Doe@example.com"
    assert str(said["KeyFingerprint"]) in keygen("-L", "-f", certificate)
    assert certificate.read_text().split()[1] in person.held()
    authority = person.authority.state / "certs/ssh_user_ca_key.pub"
    assert str(said["SigningKeyFingerprint"]) in keygen("-l", "-f", authority)
    challenge = person.home / "text"
    challenge.write_text("signed through the agent")
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(certificate), "-n", "file", str(challenge)],
        env=person.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_key_is_encrypted_unless_that_is_declined(person: Person) -> None:
    password = person.home / "pw"
    password.write_text("secret\n")
    person.ssh("certificate", "joe", "id", "--password-file", "pw", *person.provisioner)
    assert keygen("-y", "-P", "secret", "-f", person.home / "id").startswith("ecdsa-")
    refused = person.ssh("certificate", "joe", "other", "--no-password", code=1)
    assert refused.stderr == "flag '--no-password' requires the '--insecure' flag\n"
    refused = person.ssh("certificate", "joe", "other", "--password-file", "pw",
                         "--min-password-length", "20", *person.provisioner, code=1)  # fmt: skip
    assert "at least 20 characters" in refused.stderr
    assert not list(person.home.glob("other*"))


def test_a_token_is_enough_and_only_once(person: Person) -> None:
    token = run(
        [NEWEL, "ca", "token", "joe", "--ssh", "--principal", "root", *person.provisioner],
        env=person.env,
    ).stdout.strip()
    flags = ["--token", token, "--principal", "root", "--no-password", "--insecure"]
    person.ssh("certificate", "joe", "id", *flags)
    assert person.inspect("id-cert.pub")["Principals"] == ["root"]
    before = {path.name: path.read_bytes() for path in person.home.glob("id*")}
    refused = person.ssh("certificate", "joe", "id", "--force", *flags, code=1)
    assert "authoriz" in refused.stderr
    assert {path.name: path.read_bytes() for path in person.home.glob("id*")} == before


def test_a_public_key_is_certified_as_it_is(person: Person) -> None:
    keygen("-q", "-t", "ed25519", "-N", "", "-f", person.home / "own")
    before = (person.home / "own").read_bytes(), (person.home / "own.pub").read_bytes()
    said = person.certificate("joe", "own.pub", "--sign", "--private-key", "own",
                              "--comment", "mine", "--not-after", "1h")  # fmt: skip
    assert said["KeyAlgo"] == "ED25519"
    assert before == ((person.home / "own").read_bytes(), (person.home / "own.pub").read_bytes())
    assert "mine" in person.held()
    keygen("-q", "-t", "ed25519", "-N", "", "-f", person.home / "stranger")
    refused = person.ssh("certificate", "joe", "own.pub", "--sign", "--force", "--private-key",
                         "stranger", *person.provisioner, code=1)  # fmt: skip
    assert "is not the private half" in refused.stderr


def test_a_host_certificate_is_renewed_rekeyed_and_revoked_by_its_own_key(person: Person) -> None:
    first = person.certificate("host.example", "host", "--host", "--not-after", "2h")
    assert (first["Type"], first["Principals"]) == ("host", ["host.example"])
    assert not person.held()
    person.ssh("renew", "host-cert.pub", "host", "--out", "next-cert.pub")
    second = person.inspect("next-cert.pub")
    assert second["Serial"] != first["Serial"]
    assert second["KeyFingerprint"] == first["KeyFingerprint"]
    person.ssh("renew", "host-cert.pub", "host", "--force")
    clear = ["--no-password", "--insecure"]
    person.ssh("rekey", "host-cert.pub", "host", "--out", "new", *clear)
    third = person.inspect("new-cert.pub")
    assert third["KeyFingerprint"] != first["KeyFingerprint"]
    assert str(third["KeyFingerprint"]) in keygen("-l", "-f", person.home / "new.pub")
    said = person.ssh("revoke", "--sshpop-cert", "new-cert.pub", "--sshpop-key", "new").stderr
    assert f"SSH Certificate with Serial Number {third['Serial']} has been revoked." in said
    before = (person.home / "new-cert.pub").read_bytes()
    person.ssh("renew", "new-cert.pub", "new", "--force", code=1)
    assert (person.home / "new-cert.pub").read_bytes() == before
    flags = ["--reason", "gone", "--reasonCode", "superseded"]
    person.ssh("revoke", str(second["Serial"]), *person.provisioner, *flags)


def test_a_user_certificate_is_not_renewed(person: Person) -> None:
    person.certificate("joe", "id")
    before = (person.home / "id-cert.pub").read_bytes()
    refused = person.ssh("renew", "id-cert.pub", "id", "--force", code=1)
    assert refused.stderr.strip()
    assert (person.home / "id-cert.pub").read_bytes() == before
    assert re.search(r"Re-run", refused.stderr)
