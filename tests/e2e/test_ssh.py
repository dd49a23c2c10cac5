"""SSH: hosts know users and users know hosts by certificates of the real step-ca."""

import datetime as dt
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import Authority, run, wait_until
from fixtures.scenarios import Shell
from fixtures.ssh_programs import agent, sshd
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh", "sshd", "ssh-agent", "ssh-keygen")
OPEN = "Please enter the password to decrypt the provisioner key"
NEW = "Please enter the password to encrypt the private key"
KEY_LINE = r"ecdsa-sha2-nistp256 AAAA\S+\n"


def without_acme(ca: dict[str, Any]) -> None:
    """Configure the scenario's authority."""
    authority = ca["authority"]
    authority["provisioners"] = [
        each for each in authority["provisioners"] if each["type"] != "ACME"
    ]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    state = tmp_path_factory.mktemp("ssh") / "state"
    with step_ca(state, "--ssh", edit=without_acme) as running:
        yield running


@pytest.fixture
def host(authority: Authority, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "host", "ours", authority).bootstrap()


@pytest.fixture
def alice(authority: Authority, tmp_path: Path) -> Generator[Shell]:
    home = tmp_path / "alice"
    home.mkdir()
    with agent(home) as socket:
        yield Shell(home, "ours", authority, {"SSH_AUTH_SOCK": socket}).bootstrap()


def me() -> str:
    """The one user a test can log in as."""
    return run(["id", "-un"]).stdout.strip()


def ssh(port: int, user: str, known: str) -> str:
    """Logs in and prints a word; never asks."""
    return f"ssh -F none -o BatchMode=yes {known} -p {port} {user}@localhost echo inside"


def lasts(text: str) -> dt.timedelta:
    """The validity that ``ssh inspect`` or ``ssh-keygen -L`` shows."""
    start, end = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text)
    return dt.datetime.fromisoformat(end) - dt.datetime.fromisoformat(start)


def test_hosts_authenticate_users(host: Shell, alice: Shell) -> None:
    host.type_line("step ssh config --roots > ssh_user_ca.pub")
    assert re.fullmatch(KEY_LINE, host.read("ssh_user_ca.pub"))
    host.type_line("ssh-keygen -q -t ed25519 -N '' -f host_key")
    user = me()
    screen = alice.type_line(
        f"step ssh certificate {user}@example.com id_ecdsa", (NEW, "secret"), (OPEN, alice.password)
    )
    for line in (
        "Provisioner: admin (JWK) [kid: ", f"CA: {alice.required_authority.url}", "Private Key: id_ecdsa",
        "Public Key: id_ecdsa.pub", "Certificate: id_ecdsa-cert.pub", "SSH Agent: yes",
    ):  # fmt: skip # words in rows
        assert f"✔ {line}" in screen
    assert "ECDSA-CERT" in alice.type_line("ssh-add -l")
    shown = alice.type_line("cat id_ecdsa-cert.pub | tail -1 | step ssh inspect")
    judged = alice.type_line("ssh-keygen -L -f id_ecdsa-cert.pub")
    for line in (
        "Public key: ECDSA-CERT SHA256:", "Signing CA: ECDSA SHA256:", f'Key ID: "{user}@example.com"',
        "Critical Options: (none)", "permit-pty", "permit-user-rc", "permit-X11-forwarding",
        "permit-agent-forwarding", "permit-port-forwarding",
    ):  # fmt: skip # words in rows
        assert line in shown
        assert line in judged
    assert re.search(rf"Principals:\s+{user}\n", shown)
    assert lasts(shown) == lasts(judged) == dt.timedelta(hours=16, minutes=1)
    lines = (f"HostKey {host.home}/host_key", f"TrustedUserCAKeys {host.home}/ssh_user_ca.pub")
    known = f"-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={alice.home}/known_hosts"
    with sshd(host.home / "sshd_config", *lines) as port:
        assert alice.type_line(ssh(port, user, known)) == "inside\n"
        assert "Permission denied" in alice.read_messages(ssh(port, "daemon", known), code=255)


def test_users_trust_hosts_and_weekly_rotation(host: Shell, alice: Shell) -> None:
    host.type_line("step ssh config --roots > ssh_user_ca.pub")
    screen = host.type_line(
        "step ssh certificate --host --no-password --insecure localhost ssh_host_ecdsa_key",
        (OPEN, host.password),
    )
    for line in (
        "Private Key: ssh_host_ecdsa_key",
        "Public Key: ssh_host_ecdsa_key.pub",
        "Certificate: ssh_host_ecdsa_key-cert.pub",
    ):
        assert f"✔ {line}" in screen
    assert "SSH Agent" not in screen
    inspect = "cat ssh_host_ecdsa_key-cert.pub | step ssh inspect"
    before = host.type_line(inspect)
    assert re.search(r"Type: \S+ host certificate\n", before)
    # step-ca 0.30 added extensions: they name the provisioner
    assert re.search(r"Principals:\s+localhost\n\s+Critical Options: \(none\)\n", before)
    assert lasts(before) == dt.timedelta(days=30, minutes=1)
    # both ends are whole seconds: the next certificate begins in a new one
    written = "stat -c %Y ssh_host_ecdsa_key-cert.pub"
    wait_until(lambda: host.type_line("date +%s") > host.type_line(written))
    script = host.home / "rotate-ssh-certificate"
    script.write_text(
        f"#!/bin/sh\nexport STEPPATH={host.env['STEPPATH']}\ncd {host.home} && "
        "step ssh renew ssh_host_ecdsa_key-cert.pub ssh_host_ecdsa_key --force 2> /dev/null\nexit 0\n"
    )
    host.type_line(f"chmod 755 {script}; env -i PATH=$PATH {script} < /dev/null")
    after = host.type_line(inspect)
    for changed in ("Serial", "Valid"):
        assert re.findall(f"{changed}: .*", after) != re.findall(f"{changed}: .*", before)
    for kept in ("Public key", "Signing CA", "Key ID"):
        assert re.findall(f"{kept}: .*", after) == re.findall(f"{kept}: .*", before)
    assert "localhost" in after
    authority = alice.type_line("step ssh config --host --roots")
    assert re.fullmatch(KEY_LINE, authority)
    signer = re.search(r"Signing CA: ECDSA (\S+)", after)
    assert signer is not None
    assert signer[1] in alice.type_line("step ssh config --host --roots | ssh-keygen -lf -")
    alice.type_line('echo "@cert-authority * $(step ssh config --host --roots)" >> known_hosts')
    alice.type_line(
        f"step ssh login {me()} --provisioner admin --provisioner-password-file password.txt"
    )
    known = f"-o StrictHostKeyChecking=yes -o UserKnownHostsFile={alice.home}/known_hosts"
    trusted = f"TrustedUserCAKeys {host.home}/ssh_user_ca.pub"
    ours = (
        f"HostKey {host.home}/ssh_host_ecdsa_key",
        f"HostCertificate {host.home}/ssh_host_ecdsa_key-cert.pub",
    )
    with sshd(host.home / "sshd_config", trusted, *ours) as port:
        assert alice.type_line(ssh(port, me(), known)) == "inside\n"
    host.type_line(
        "ssh-keygen -q -t ed25519 -N '' -f other_ca; ssh-keygen -q -t ed25519 -N '' -f other; "
        "ssh-keygen -q -s other_ca -h -I other -n localhost other.pub"
    )
    others = f"HostKey {host.home}/other", f"HostCertificate {host.home}/other-cert.pub"
    with sshd(host.home / "sshd_config", trusted, *others) as port:
        assert "Host key verification failed" in alice.read_messages(
            ssh(port, me(), known), code=255
        )
