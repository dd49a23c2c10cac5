"""Our ssh commands against the real step-ca with its SSH authority, judged by ssh-keygen and ssh-add."""

import json
import os
import re
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, others, run, wait_until
from fixtures.ssh_programs import agent, sshd
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-keygen", "ssh-agent")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    """A step-ca that signs for users and hosts."""
    with step_ca(tmp_path_factory.mktemp("ssh") / "state", "--ssh") as running:
        yield running


@dataclass(frozen=True, slots=True)
class Person:
    """A user of our command line with a home and a STEPPATH of their own and no terminal."""

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
            cwd=self.home,
            env=self.env,
            capture_output=True,
            check=False,
            input=stdin,
            start_new_session=True,
            timeout=60,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"{words}: {out}{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    @property
    def provisioner(self) -> list[str]:
        return ["--provisioner", "admin", "--provisioner-password-file",
                str(self.authority.password_file)]  # fmt: skip # a command line

    def certificate(self, name: str, key: str, *flags: str) -> dict[str, object]:
        """A certificate for a new key in the clear; what it says."""
        clear = [] if "--sign" in flags else ["--no-password", "--insecure"]
        self.ssh("certificate", name, key, "--force", *clear, *self.provisioner, *flags)
        return self.inspect(f"{key.removesuffix('.pub')}-cert.pub")

    def inspect(self, name: str) -> dict[str, object]:
        return json.loads(self.ssh("inspect", name, "--format", "json").stdout)

    def list_keys(self) -> str:
        """What the agent holds, as ssh-add sees it."""
        done = subprocess.run(
            ["ssh-add", "-L"], env=self.env, capture_output=True, text=True, check=False
        )
        return "" if done.returncode else done.stdout


@pytest.fixture
def person(authority: Authority, tmp_path: Path) -> Generator[Person]:
    """A person who has bootstrapped, with an agent."""
    with agent(tmp_path) as address:
        someone = Person(authority, tmp_path, address)
        defaults = json.loads((authority.state / "config/defaults.json").read_text())
        run([NEWEL, "ca", "bootstrap", "--ca-url", authority.url, "--fingerprint",
             defaults["fingerprint"]], env=someone.env)  # fmt: skip # a command line
        yield someone


def keygen(*words: str | Path) -> str:
    return run(["ssh-keygen", *words]).stdout


@pytest.mark.parametrize(
    "kind", [["EC"], ["OKP"], ["RSA", "--size", "2048"], ["EC", "--crv", "P-521"]]
)
def test_a_person_gets_a_key_and_a_certificate(person: Person, kind: list[str]) -> None:
    """There are a key, its public half and a certificate that ssh-keygen reads, and the agent has them."""
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
    assert certificate.read_text().split()[1] in person.list_keys()
    authority = person.authority.state / "certs/ssh_user_ca_key.pub"
    assert str(said["SigningKeyFingerprint"]) in keygen("-l", "-f", authority)
    challenge = person.home / "text"
    challenge.write_text("signed through the agent")
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(certificate), "-n", "file", str(challenge)],
        env=person.env, capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr


def test_the_key_is_encrypted_unless_that_is_declined(person: Person) -> None:
    password = person.home / "pw"
    password.write_text("secret\n")
    person.ssh("certificate", "joe", "id", "--password-file", "pw", *person.provisioner)
    assert keygen("-y", "-P", "secret", "-f", person.home / "id").startswith("ecdsa-")
    refused = person.ssh("certificate", "joe", "other", "--no-password", code=1)
    assert refused.stderr == "flag '--no-password' requires the '--insecure' flag\n"
    refused = person.ssh("certificate", "joe", "other", "--password-file", "pw",
                         "--min-password-length", "20", *person.provisioner, code=1)  # fmt: skip # a command line
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
                              "--comment", "mine", "--not-after", "1h")  # fmt: skip # a command line
    assert said["KeyAlgo"] == "ED25519"
    assert before == ((person.home / "own").read_bytes(), (person.home / "own.pub").read_bytes())
    assert "mine" in person.list_keys()
    keygen("-q", "-t", "ed25519", "-N", "", "-f", person.home / "stranger")
    refused = person.ssh("certificate", "joe", "own.pub", "--sign", "--force", "--private-key",
                         "stranger", *person.provisioner, code=1)  # fmt: skip # a command line
    assert "is not the private half" in refused.stderr


def test_a_host_certificate_is_renewed_rekeyed_and_revoked_by_its_own_key(person: Person) -> None:
    first = person.certificate("host.example", "host", "--host", "--not-after", "2h")
    assert (first["Type"], first["Principals"]) == ("host", ["host.example"])
    assert not person.list_keys()
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


def test_a_daemon_renews_a_host_certificate(person: Person) -> None:
    """Two rounds, each from what the one before has written; a command after each."""
    first = person.certificate("host.example", "host", "--host", "--not-after", "10m")
    said = person.ssh("renew", "host-cert.pub", "host", "--expires-in", "1m").stderr
    assert "certificate not renewed: expires in 9m" in said
    flags = ["--daemon", "--renew-period", "1s", "--exec", "touch renewed"]
    daemon = subprocess.Popen(
        [NEWEL, "ssh", "renew", "host-cert.pub", "host", *flags],
        cwd=person.home, env=person.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip # a command line
    serials = {first["Serial"]}

    def is_renewed_twice() -> bool:
        serials.add(person.inspect("host-cert.pub")["Serial"])
        return len(serials) > 2

    try:
        wait_until(is_renewed_twice, process=daemon)
    finally:
        daemon.terminate()
        out, err = daemon.communicate()
    assert daemon.returncode == 0, err
    assert b"host.example certificate renewed, next in" in out
    assert (person.home / "renewed").exists()


def test_a_user_certificate_is_not_renewed(person: Person) -> None:
    person.certificate("joe", "id")
    before = (person.home / "id-cert.pub").read_bytes()
    refused = person.ssh("renew", "id-cert.pub", "id", "--force", code=1)
    assert refused.stderr.strip()
    assert (person.home / "id-cert.pub").read_bytes() == before
    assert re.search(r"Re-run", refused.stderr)


def test_the_agent_is_filled_listed_and_emptied(person: Person) -> None:
    """SSH login, list and logout: only what the authority signed is touched."""
    keygen("-q", "-t", "ed25519", "-N", "", "-C", "own key", "-f", person.home / "own")
    run(["ssh-add", "-q", person.home / "own"], env=person.env)
    person.ssh("login", "joe", *person.provisioner)
    again = person.ssh("login", "joe", *person.provisioner)
    assert "is already present in the SSH agent." in again.stderr
    assert person.list_keys().count("-cert-v01@openssh.com") == 1
    listed = person.ssh("list").stdout
    assert listed == run(["ssh-add", "-l"], env=person.env).stdout
    assert person.ssh("list", "--raw").stdout == person.list_keys()
    assert person.ssh("list", "joe").stdout.strip() == next(
        line for line in listed.splitlines() if "joe" in line
    )
    assert [
        each["keyID"] for each in json.loads(person.ssh("list", "--output", "json").stdout)
    ] == [
        None,
        "joe",
    ]
    assert not (person.home / "step/ssh").exists()
    # an authority that does not answer has not said whose certificates these are
    silent = person.ssh("logout", "--ca-url", f"https://127.0.0.1:{free_port()}", code=1)
    assert "connection refused" in silent.stderr
    assert "--all" in silent.stderr
    assert person.list_keys().count("-cert-v01@openssh.com") == 1
    assert person.ssh("logout", "jim").stdout == "Identity not found: jim\n"
    assert person.ssh("logout", "joe").stdout == "Identity removed: joe\n"
    assert "own key" in person.list_keys()
    assert person.ssh("logout", "own key").stdout == "Identity not found: own key\n"
    assert person.ssh("logout", "--all").stdout == "All identities removed.\n"
    assert person.ssh("list").stdout == "The agent has no identities.\n"


def test_without_an_agent_login_says_so(person: Person) -> None:
    alone = Person(person.authority, person.home, "")
    for words in (["login", "joe"], ["list"], ["logout"]):
        assert "ssh-agent" in alone.ssh(*words, code=1).stderr
    alone = Person(person.authority, person.home, str(person.home / "gone"))
    assert "no such file" in alone.ssh("list", code=1).stderr
    said = alone.ssh("certificate", "joe", "id", "--no-password", "--insecure", *person.provisioner)
    assert "✗ SSH Agent:" in said.stderr


def test_the_keys_of_the_authority_are_printed(person: Person) -> None:
    certs = person.authority.state / "certs"
    for flags, name in (([], "user"), (["--host"], "host")):
        expected = (certs / f"ssh_{name}_ca_key.pub").read_text().split()[:2]
        for source in ("--roots", "--federation"):
            assert person.ssh("config", source, *flags).stdout == " ".join(expected) + "\n"


def test_hosts_are_known_once_they_have_a_certificate(person: Person) -> None:
    assert person.ssh("check-host", "unknown.example", "-v", code=1).stdout == "false\n"
    person.certificate("known.example", "host", "--host")
    assert person.ssh("check-host", "known.example", "-v").stdout == "true\n"
    assert not person.ssh("check-host", "known.example").stdout
    theirs = run([others("step"), "ssh", "hosts"], env=person.env).stdout
    ours = person.ssh("hosts").stdout
    assert ours == theirs
    assert "known.example" in ours


def test_the_configuration_is_written_as_the_original_writes_it(person: Person) -> None:
    config = person.home / ".ssh/config"
    config.parent.mkdir(mode=0o700)
    config.write_text("Host other\n\tUser guest\n")
    person.ssh("config", "--set", "User=joe", "--dry-run")
    assert config.read_text() == "Host other\n\tUser guest\n"
    first = person.ssh("config", "--set", "User=joe").stderr
    assert f"✔ {config}" in first
    files = [
        config,
        *(person.home / "step/ssh" / name for name in ("config", "known_hosts", "includes")),
    ]
    ours = [without_date(path) for path in files]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files[1:])
    person.ssh("config", "--set", "User=joe")
    assert [without_date(path) for path in files] == ours
    for path in files[1:]:
        path.unlink()
    config.write_text("Host other\n\tUser guest\n")
    run([others("step"), "ssh", "config", "--force", "--set", "User=joe"], env=person.env)
    assert [without_date(path) for path in files] == ours


def without_date(path: Path) -> str:
    return re.sub(r"by step @ .*", "by step", path.read_text())


def test_the_configuration_of_a_host_is_shown(person: Person) -> None:
    flags = ["--host", "--set", "Certificate=k-cert.pub", "--set", "Key=k", "--dry-run"]
    said = person.ssh("config", *flags).stderr
    assert "/etc/ssh/sshd_config" in said
    assert "HostCertificate /etc/ssh/k-cert.pub" in said
    refused = person.ssh("config", "--host", "--dry-run", code=1)
    assert "Certificate" in refused.stderr


def test_an_authority_cannot_write_outside_the_persons_directories(tmp_path: Path) -> None:
    """A template's path comes from the network: another user's files are out of reach."""
    from newel.cli.errors import CliError
    from newel.cli.operations.ssh.templates import check_within, place
    from newel.client.ssh_calls import Template

    home = tmp_path / "home"
    for path in ("/etc/cron.d/x", "../../../etc/x", "${STEPPATH}/../../x", "ssh/../../../x"):
        template = Template("file", path, "#", b"")
        with pytest.raises(CliError, match="not a file of this user"):
            check_within(place(template, home / "step", home / "step"), [home])


@pytest.mark.needs("sshd")
def test_ssh_reaches_a_host_through_the_configuration(person: Person) -> None:
    """A host with a certificate, a person who logs in by ProxyCommand, no known_hosts prompt."""
    person.certificate("localhost", "host", "--host")
    user = run(["id", "-un"]).stdout.strip()
    keys = person.home / "users.pub"
    keys.write_text(person.ssh("config", "--roots").stdout)
    person.ssh("config", "--set", f"User={user}")
    lines = (
        f"HostKey {person.home}/host",
        f"HostCertificate {person.home}/host-cert.pub",
        f"TrustedUserCAKeys {keys}",
    )
    with sshd(person.home / "sshd_config", *lines) as port:
        proxy = f"{NEWEL} ssh proxycommand {' '.join(person.provisioner)} %r 127.0.0.1 %p"
        done = subprocess.run(
            ["ssh", "-F", "none", "-o", f"ProxyCommand={proxy}",
             "-o", f"UserKnownHostsFile={person.home}/step/ssh/known_hosts",
             "-o", "StrictHostKeyChecking=yes", "-p", str(port), f"{user}@localhost", "echo", "inside"],
            env=person.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            timeout=60,
        )  # fmt: skip # a command line
        assert done.stdout == "inside\n", done.stderr
        assert "✔ SSH Agent: yes" in done.stderr
