"""A person leaves: what they have is revoked by their name, for TLS and SSH, and they get nothing new."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, run, serve_newel, wait_until
from fixtures.scenarios import Shell
from fixtures.ssh_programs import list_host_lines, log_in, sshd

pytestmark = pytest.mark.needs("step", "ssh", "sshd", "ssh-keygen", "openssl")
BY = "--provisioner admin --provisioner-password-file password.txt"
ADA = "ada@example.com"


@pytest.fixture
def server(tmp_path: Path) -> Generator[tuple[Authority, "subprocess.Popen[bytes]"]]:
    with serve_newel(tmp_path / "state", free_port(), free_port(), "--ssh") as both:
        yield both


@pytest.mark.parametrize("program", ["ours", "step"])
def test_who_leaves_is_out_and_gets_nothing_new(
    server: tuple[Authority, "subprocess.Popen[bytes]"], tmp_path: Path, program: str
) -> None:
    authority, process = server
    me = run(["id", "-un"]).stdout.strip()
    host = Shell(tmp_path / "host", "ours", authority).bootstrap()
    host.type_line("step ssh config --roots > users.pub")
    host.type_line(f"step ssh certificate --host localhost host {BY} --no-password --insecure")
    host.type_line("step ssh krl --install revoked_keys")
    ada = Shell(tmp_path / "ada", program, authority).bootstrap()
    ada.type_line('echo "@cert-authority * $(step ssh config --host --roots)" > known_hosts')
    wanted = f"--principal {me} --principal ada {BY} --no-password --insecure --no-agent --force"
    for name in ("laptop", "desktop"):
        ada.type_line(f"step ssh certificate {ADA} {name} {wanted}")
    ada.type_line(f"step ca certificate {ADA} ada.crt ada.key {BY}")
    ada.type_line(f"step ssh certificate bob@example.com bob {wanted}")
    with sshd(host.home / "sshd_config", *list_host_lines(host.home)) as port:
        assert all(is_let_in(ada, port, key, me) for key in ("laptop", "desktop", "bob"))
        wait_until(lambda: len(find(authority, "--subject", ADA)) == 3)
        said = newel(authority, "revoke", "--subject", ADA, "--reason", "left", "--yes")
        assert "Selected: 3 certificates of 2 endpoints" in said
        assert "Revoked: 3 certificates" in said

        def is_out() -> bool:
            host.type_line("step ssh krl --install revoked_keys")
            return not is_let_in(ada, port, "laptop", me)

        wait_until(is_out)
        assert [is_let_in(ada, port, key, me) for key in ("desktop", "bob")] == [False, True]
    assert authority.ocsp(ada.home / "ada.crt") == "revoked"
    assert "no certificate that could be revoked" in newel(
        authority, "revoke", "--subject", ADA, "--yes", code=1
    )
    assert "lacked necessary authorization" in refuse(ada, "step ca renew --force ada.crt ada.key")
    # what they have is worth nothing, and so that nothing new is given the policy names them
    file = authority.state / "config/ca.json"
    settings = json.loads(file.read_text())
    settings["authority"]["policy"] = {
        "x509": {"deny": {"email": [ADA]}},
        "ssh": {"user": {"deny": {"email": [ADA], "principal": ["ada"]}}},
    }
    file.write_text(json.dumps(settings))
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the policy of ca.json were read again" in authority.log.read_text())
    # each worker takes it up within seconds
    wait_until(lambda: "not allowed" in refuse(ada, f"step ssh certificate {ADA} tablet {wanted}"))
    assert "not allowed" in refuse(ada, f"step ca certificate {ADA} again.crt again.key {BY}")
    ada.type_line(
        f"step ssh certificate bob@example.com bob2 --principal bob {wanted.partition('ada ')[2]}"
    )


def refuse(shell: Shell, line: str) -> str:
    """What is said of what is refused."""
    return shell.read_messages(line, code=1)


def find(authority: Authority, *words: str) -> list[dict[str, object]]:
    """Certificates that the inventory lists."""
    return json.loads(newel(authority, "certificates", "list", *words, "--output", "json"))


def newel(authority: Authority, *words: str, code: int = 0) -> str:
    """Run the command line as the first administrator; all that it says."""
    done = subprocess.run(
        [NEWEL, *words], env={**os.environ, "STEPPATH": str(authority.state)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip # a command line
    assert done.returncode == code, done.stderr
    return re.sub(
        r"\x1b\[[0-9;]*m|✔ ", "", done.stdout + done.stderr if "json" not in words else done.stdout
    )


def is_let_in(user: Shell, port: int, key: str, name: str) -> bool:
    """Whether the key's certificate is."""
    return log_in(user, port, key, name).stdout == "inside\n"
