"""SSH under our authority, as sshd and ssh see it: who gets in, and who no longer does once revoked."""

import json
import re
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.processes import free_port
from fixtures.running import Authority, run, serve_newel, wait_until
from fixtures.scenarios import Shell
from fixtures.ssh_programs import list_host_lines, log_in, sshd
from newel.cli.operations.ssh.revocation_list import EVERY
from newel.cli.store import atomic_write
from newel.cli.store.atomic_write import Target
from newel.validation.app import KRL_EVERY
from newel.validation.maintenance import PUBLISH_EVERY

pytestmark = pytest.mark.needs("step", "ssh", "sshd", "ssh-keygen")
BY = "--provisioner admin --provisioner-password-file password.txt"
KEYS = f"{BY} --no-password --insecure --no-agent --force"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    state = tmp_path_factory.mktemp("ssh") / "state"
    with serve_newel(state, free_port(), free_port(), "--ssh") as (running, _):
        yield running


@pytest.fixture
def host(authority: Authority, tmp_path: Path) -> Shell:
    """A host with a certificate, the key that users are known by and a list that a service keeps."""
    host = Shell(tmp_path / "host", "ours", authority).bootstrap()
    host.type_line("step ssh config --roots > users.pub")
    host.type_line(f"step ssh certificate --host localhost host {KEYS}")
    host.type_line("step ssh krl --install revoked_keys")
    return host


@pytest.fixture
def user(authority: Authority, tmp_path: Path) -> Shell:
    """A user who knows hosts by the authority's certificates, with the original program."""
    user = Shell(tmp_path / "user", "step", authority).bootstrap()
    user.type_line('echo "@cert-authority * $(step ssh config --host --roots)" > known_hosts')
    return user


@pytest.fixture
def port(host: Shell) -> Generator[int]:
    """The host's server, and the service that keeps its list."""
    home = host.home
    daemon = subprocess.Popen(
        ["step", "ssh", "krl", "--install", "revoked_keys", "--daemon"],
        cwd=home,
        env=host.env,
        executable=str(home / "bin/step"),
        stdout=subprocess.DEVNULL,
    )
    try:
        with sshd(home / "sshd_config", *list_host_lines(home)) as port:
            yield port
    finally:
        daemon.terminate()
        assert daemon.wait(20) == 0


def serial_of(user: Shell, key: str) -> str:
    shown = re.search(r"Serial: (\d+)", user.type_line(f"ssh-keygen -L -f {key}-cert.pub"))
    assert shown is not None
    return shown[1]


def test_what_a_revocation_waits_for_takes_less_than_five_seconds() -> None:
    """Its publication, each worker's look for a newer list, and the host's question."""
    assert PUBLISH_EVERY + KRL_EVERY + EVERY < 5.0


def test_a_revoked_user_is_refused(host: Shell, user: Shell, port: int) -> None:
    me = run(["id", "-un"]).stdout.strip()
    for name in ("laptop", "desktop"):
        user.type_line(f"step ssh certificate {me} {name} {KEYS}")
        done = log_in(user, port, name, me)
        assert done.stdout == "inside\n", done.stderr
    assert "Permission denied" in log_in(user, port, "laptop", "daemon").stderr
    user.type_line(
        "ssh-keygen -q -t ed25519 -N '' -f stranger; ssh-keygen -q -t ed25519 -N '' -f ca"
    )
    user.type_line(f"ssh-keygen -q -s ca -I {me} -n {me} stranger.pub")
    assert "Permission denied" in log_in(user, port, "stranger", me).stderr

    user.type_line(f"step ssh revoke {serial_of(user, 'laptop')} {BY}")
    wait_until(lambda: "Permission denied" in log_in(user, port, "laptop", me).stderr)
    assert log_in(user, port, "desktop", me).stdout == "inside\n"
    query = f"ssh-keygen -Q -f revoked_keys {user.home}"
    assert "REVOKED" in host.type_line(f"{query}/laptop-cert.pub", code=1)
    assert "REVOKED" not in host.type_line(f"{query}/desktop-cert.pub")


def test_an_expired_certificate_and_one_of_another_principal_are_refused(
    authority: Authority, host: Shell, user: Shell, port: int
) -> None:
    """The certificates differ in one field each from one that lets its user in, and are by the authority's key."""
    me = run(["id", "-un"]).stdout.strip()
    key = serialization.load_pem_private_key(
        (authority.state / "secrets/ssh_user_ca_key").read_bytes(),
        (authority.state / "secrets/password").read_bytes().strip(),
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    atomic_write.write_all([Target(str(user.home / "ca_key"), private, 0o600)])
    user.type_line("ssh-keygen -q -t ed25519 -N '' -f other")
    cases = (("-2h:+1h", me), ("-2h:-1h", me), ("-2h:+1h", "daemon"), ("+1h:+2h", me))
    outcomes: list[bool] = []
    for number, (validity, principal) in enumerate(cases, 1):
        signed = (
            f"ssh-keygen -q -s ca_key -I {me} -n {principal} -z {number} -V {validity} other.pub"
        )
        user.type_line(signed)
        done = log_in(user, port, "other", me)
        assert done.stdout == "inside\n" or "Permission denied" in done.stderr, done.stderr
        outcomes.append(done.stdout == "inside\n")
    assert outcomes == [True, False, False, False]
    said = (host.home / "sshd_config.log").read_text()
    assert "Certificate invalid: expired" in said
    assert "Certificate invalid: not yet valid" in said


def test_a_list_is_printed_and_kept_by_name(host: Shell) -> None:
    host.type_line("step ssh krl > printed; ssh-keygen -Q -l -f printed; cmp printed revoked_keys")
    assert "up to date" in host.type_line("step ssh krl --install revoked_keys")
    host.type_line(": > revoked_keys")  # sshd refuses everybody by an empty file
    assert "is installed" in host.type_line("step ssh krl --install revoked_keys")
    host.type_line("cmp printed revoked_keys")


def test_a_host_says_how_old_its_list_is(host: Shell) -> None:
    quiet = host.read_messages("step ssh krl --install revoked_keys --metrics krl.prom")
    assert "Warning" not in quiet
    values = (host.home / "krl.prom").read_text()
    assert re.search(r"^newel_ssh_krl_version [1-9][0-9]*$", values, re.MULTILINE)
    assert re.search(r"^newel_ssh_krl_confirmed_seconds [1-9][0-9]*$", values, re.MULTILINE)
    host.type_line("ssh-keygen -q -k -f old -z 1 users.pub")  # its date is of now
    said = host.read_messages("step ssh krl --install old --max-age 1h --root nowhere", code=1)
    assert "Warning" not in said
    host.type_line(": > empty")
    said = host.read_messages("step ssh krl --install empty --root nowhere", code=1)
    assert "Warning: there is no list in empty" in said


def test_openssh_verifies_the_signature_of_the_list(authority: Authority, host: Shell) -> None:
    """Its key is the one that hosts trust users by."""
    fetch = f"curl -sf --cacert {authority.root} {authority.url}/ssh/krl"

    def verify() -> bool:  # both are read again: a list may be replaced between the two
        host.type_line(f"{fetch} > list; {fetch}.sig > list.sig")
        host.type_line('echo "ca namespaces=\\"ssh-krl\\" $(cat users.pub)" > allowed')
        words = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "ca", "-n", "ssh-krl"]
        done = subprocess.run(
            [*words, "-s", "list.sig"],
            cwd=host.home,
            input=(host.home / "list").read_bytes(),
            capture_output=True,
            check=False,
        )
        return b"Good" in done.stdout

    wait_until(verify)


def test_an_older_list_is_not_installed(host: Shell) -> None:
    host.type_line(
        "ssh-keygen -q -t ed25519 -N '' -f any; ssh-keygen -q -k -f newer -z 99999999999 any.pub"
    )
    before = (host.home / "newer").read_bytes()
    said = host.read_messages("step ssh krl --install newer", code=1)
    assert "older than version 99999999999" in said
    assert (host.home / "newer").read_bytes() == before
    assert "--install" in host.read_messages("step ssh krl --daemon", code=1)


def test_the_inventory_lists_hosts_and_people(
    authority: Authority, host: Shell, user: Shell
) -> None:
    """An administrator sees who and which host has a certificate, and who no longer has."""
    administrator = {**host.env, "STEPPATH": str(authority.state)}

    def list_certificates(kind: str, *filters: str) -> list[dict[str, Any]]:
        words = ["certificates", "list", "--type", kind, "--output", "json", *filters]
        done = run([str(host.home / "bin/step"), *words], env=administrator)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    user.type_line(f"step ssh certificate listed@example.com listed {KEYS}")
    (person,) = wait_until(lambda: list_certificates("ssh-user", "--name", "principal:listed"))
    assert (person["state"], person["proof"]) == ("active", "listed@example.com")
    hosts = wait_until(lambda: list_certificates("ssh-host", "--name", "dns:localhost"))
    assert len({each["endpoint"] for each in hosts}) == 1, (
        "a host that enrols again is one endpoint"
    )
    number = int(person["serial"], 16)
    revoke = f"STEPPATH={authority.state} step revoke {BY}"
    said = host.read_messages(f"{revoke} --endpoint {person['endpoint']}", code=1)
    assert f"of SSH: use 'step ssh revoke' for {number}" in said
    said = host.read_messages(f"{revoke} --serial {person['serial']}", code=1)
    assert f"of SSH is revoked by 'step ssh revoke {number}'" in said
    host.type_line(f"step ssh revoke {number} {BY}")
    wait_until(lambda: list_certificates("ssh-user", "--search", "listed", "--state", "revoked"))
