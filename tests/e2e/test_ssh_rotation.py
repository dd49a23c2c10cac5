"""Another key of the SSH CA: both are trusted until the last certificate of the former one has ended."""

import json
import re
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, run, serve_newel, wait_until
from fixtures.scenarios import Shell
from fixtures.ssh_programs import list_host_lines, log_in, sshd

pytestmark = pytest.mark.needs("step", "ssh", "sshd", "ssh-keygen")
BY = "--provisioner admin --provisioner-password-file password.txt"
KEYS = f"{BY} --no-password --insecure --no-agent --force"


@pytest.fixture
def former(tmp_path: Path) -> Authority:
    """An authority with SSH that certified a host and a user, and was stopped."""
    with serve_newel(tmp_path / "state", free_port(), free_port(), "--ssh") as (running, _):
        host, user = (
            Shell(tmp_path / name, "ours", running).bootstrap() for name in ("host", "user")
        )
        host.type_line(f"step ssh certificate --host localhost former {KEYS}")
        user.type_line(f"step ssh certificate {me()} former {KEYS}")
    return running


def me() -> str:
    """The one user a test can log in as."""
    return run(["id", "-un"]).stdout.strip()


def rotate(state: Path) -> None:
    """Do what docs/runbooks/ssh-keys.md says, for both keys."""
    file = state / "config/ca.json"
    settings = json.loads(file.read_text())
    trusted: list[dict[str, object]] = []
    for kind in ("user", "host"):
        old, new = (f"certs/ssh_{kind}_ca_key{end}.pub" for end in ("", "_2"))
        words = ["crypto", "keypair", new, f"secrets/ssh_{kind}_ca_key_2"]
        newel(state, *words, "--password-file", "secrets/password")
        key = json.loads(newel(state, "crypto", "key", "format", "--jwk", old))
        trusted.append({"type": kind, "key": key})
        settings["ssh"][f"{kind}Key"] = f"secrets/ssh_{kind}_ca_key_2"
    settings["ssh"]["keys"] = trusted
    file.write_text(json.dumps(settings))


def newel(state: Path, *words: str) -> str:
    """Run the command line in the folder of the authority; standard output."""
    return subprocess.run(
        [NEWEL, *words], cwd=state, check=True, capture_output=True, text=True
    ).stdout


def serve_host(host: Shell, key: str) -> AbstractContextManager[int]:
    """Run the host's server with this key of its own."""
    return sshd(host.home / "sshd_config", *list_host_lines(host.home, key))


def is_let_in(user: Shell, port: int, key: str) -> bool:
    """Whether the key's certificate is, by a host that is known by its own."""
    return log_in(user, port, key, me()).stdout == "inside\n"


def learn(host: Shell, user: Shell) -> None:
    """Fetch the keys that the authority trusts now."""
    host.type_line("step ssh config --roots > users.pub")
    host.type_line("step ssh krl --install revoked_keys")
    user.type_line("step ssh config --host --roots | sed 's/^/@cert-authority * /' > known_hosts")


def find_signer(shell: Shell, key: str) -> str:
    """The key that signed a certificate."""
    found = re.search(r"Signing CA: \S+ (\S+)", shell.type_line(f"ssh-keygen -L -f {key}-cert.pub"))
    assert found is not None
    return found[1]


def is_listed(host: Shell, certificate: Path) -> bool:
    """Whether the host's list has a certificate, after it was fetched again."""
    host.type_line("step ssh krl --install revoked_keys")
    asked = ["ssh-keygen", "-Q", "-f", "revoked_keys", str(certificate)]
    return subprocess.run(asked, cwd=host.home, check=False, capture_output=True).returncode == 1


def test_both_keys_are_trusted_until_the_former_one_is_taken_out(
    former: Authority, tmp_path: Path
) -> None:
    rotate(former.state)
    with serve_newel(former.state, former.port, former.http_port) as (running, _):
        host, user = (Shell(tmp_path / name, "ours", running) for name in ("host", "user"))
        learn(host, user)
        host.type_line(f"step ssh certificate --host localhost next {KEYS}")
        user.type_line(f"step ssh certificate {me()} next {KEYS}")
        for shell in (host, user):
            assert find_signer(shell, "former") != find_signer(shell, "next")
        for key in ("former", "next"):  # of the host
            with serve_host(host, key) as port:
                assert [is_let_in(user, port, each) for each in ("former", "next")] == [True, True]
        # a host renews by a certificate of the former key, and gets one of the next
        host.type_line("cp former renewed; cp former-cert.pub renewed-cert.pub")
        host.type_line("step ssh renew renewed-cert.pub renewed --force")
        assert find_signer(host, "renewed") == find_signer(host, "next")
        # what the former key signed can still be revoked where sshd sees it
        number = re.search(r"Serial: (\d+)", user.type_line("ssh-keygen -L -f former-cert.pub"))
        assert number is not None
        user.type_line(f"step ssh revoke {number[1]} {BY}")
        wait_until(lambda: is_listed(host, user.home / "former-cert.pub"))
        with serve_host(host, "next") as port:
            assert [is_let_in(user, port, each) for each in ("former", "next")] == [False, True]
    file = former.state / "config/ca.json"
    settings = json.loads(file.read_text())
    del settings["ssh"]["keys"]
    file.write_text(json.dumps(settings))
    with serve_newel(former.state, former.port, former.http_port):
        learn(host, user)
        assert len(host.read("users.pub").splitlines()) == 1
        with serve_host(host, "next") as port:
            assert is_let_in(user, port, "next")
        with serve_host(host, "former") as port:
            assert not is_let_in(user, port, "next"), "the host is not known any more"
