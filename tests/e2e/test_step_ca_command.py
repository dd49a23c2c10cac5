"""Our `step-ca` in the place of the original: what `step ca init` made is served, and the real step works."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from fixtures.running import Authority, others, run, wait_until
from fixtures.step_ca_command import OURS, PASSWORD, Installation, init, serve
from fixtures.terminal import at_a_terminal

STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d "
pytestmark = pytest.mark.needs("step")


def enroll(authority: Authority, folder: Path, name: str = "a.test") -> Path:
    """A certificate by the real step, which it then renews and revokes."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    for words in (
        ["ca", "certificate", name, certificate, key, "--provisioner", "admin",
         "--provisioner-password-file", authority.password_file],
        ["ca", "renew", "--force", certificate, key],
    ):  # fmt: skip # command lines
        done = authority.step(*map(str, words))
        assert done.returncode == 0, done.stderr
    return certificate


@pytest.mark.parametrize(
    "shape", [[], ["--ssh"], ["--acme"], ["--remote-management"], ["--ssh", "--acme"]], ids=" ".join
)
def test_what_ca_init_made_is_served_unchanged(tmp_path: Path, shape: list[str]) -> None:
    made = init(tmp_path, *shape)
    before = made.config.read_bytes()
    with serve(made, made.config, "--password-file", made.password) as (authority, process):
        if "--remote-management" not in shape:
            enroll(authority, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        said = authority.logs()
    root = run([others("step"), "certificate", "fingerprint", authority.root]).stdout.strip()
    for line in (
        r"Starting Newel CA/",
        rf"Config file: {made.config}$",
        rf"The primary server URL is https://localhost:{made.port}$",
        rf"Root certificates are available at https://localhost:{made.port}/roots.pem$",
        r"Additional configured hostnames: ca.test$",
        rf"X.509 Root Fingerprint: {root}$",
        rf"Serving HTTPS on :{made.port} \.\.\.$",
        r"shutting down \.\.\.$",
    ):
        assert re.search(f"^{STAMP}{line}", said, re.MULTILINE), line
    assert "Traceback" not in said
    assert made.config.read_bytes() == before


def test_a_port_alone_is_served_on_both_protocols_and_a_reload_drops_no_connection(
    tmp_path: Path,
) -> None:
    made = init(tmp_path)
    with serve(made, "--password-file", made.password, "--pidfile", tmp_path / "pid") as (
        authority,
        process,
    ):
        assert (tmp_path / "pid").read_text() == f"{process.pid}\n"
        for host in ("127.0.0.1", "[::1]"):
            run(["curl", "-gsfk", f"https://{host}:{made.port}/health"])
        with subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-connect", f"localhost:{made.port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as client:  # fmt: skip # a command line
            assert client.stdin
            assert client.stdout
            request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
            for _ in range(2):
                client.stdin.write(request)
                client.stdin.flush()
                lines = iter(client.stdout.readline, b"")  # which ends with the connection
                assert any(b'"ok"' in line for line in lines)
                added = json.loads(made.config.read_text())
                added["authority"]["provisioners"].append({"type": "ACME", "name": "more"})
                made.config.write_text(json.dumps(added))
                process.send_signal(signal.SIGHUP)
                wait_until(lambda: "reloading ..." in authority.logs())
                wait_until(lambda: '"more"' in json.dumps(authority.get("/provisioners")))
                added["authority"]["provisioners"].pop()
                made.config.write_text(json.dumps(added))
            client.terminate()  # by itself it waits until the authority closes an idle connection
    assert not (tmp_path / "pid").exists()


def test_the_context_that_step_selected_is_served(tmp_path: Path) -> None:
    made = init(tmp_path, "--context", "mybiz")
    base = made.state
    made = Installation(base / "authorities/mybiz", made.port, made.password)
    for words in ([], ["--context", "mybiz"], [made.config]):
        with serve(made, *words, "--password-file", made.password, base=base) as (authority, _):
            assert "Current context: mybiz" in authority.logs()


def test_the_password_is_asked_for_at_the_terminal(tmp_path: Path) -> None:
    made = init(tmp_path)
    key = made.state / "secrets/intermediate_ca_key"
    question = f"Please enter the password to decrypt {key}: "
    command, env = [OURS, made.config], {**os.environ, "STEPPATH": str(made.state)}
    answers = [(question, PASSWORD), ("Serving HTTPS", "\x03")]
    code, said = at_a_terminal(command, answers, env=env)
    assert code == 0, said
    assert PASSWORD not in said
    code, said = at_a_terminal(command, [(question, "wrong")], env=env)
    assert code == 2, said
    assert f"error decrypting {key}: x509: decryption password incorrect" in said
    held = [
        file
        for file in made.state.rglob("*")
        if file.is_file() and PASSWORD.encode() in file.read_bytes()
    ]
    assert not held


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--password-file", "nope"], 2, "error reading nope: open nope: no such file or directory"),
        ([], 2, "error allocating terminal: open /dev/tty: no such device or address"),
        (["--password-file", "{wrong}"], 2, "error decrypting {key}: x509: decryption password incorrect"),
    ],
)  # fmt: skip # a table
def test_a_start_without_the_password_ends_as_the_originals(
    tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    made = init(tmp_path)
    places = {"wrong": tmp_path / "wrong", "key": made.state / "secrets/intermediate_ca_key"}
    places["wrong"].write_text("wrong")
    places["wrong"].chmod(0o600)
    flags = [word.format(**places) for word in words]
    for program in (OURS, others("step-ca")):
        done = subprocess.run(
            [program, str(made.config), *flags],
            capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "STEPPATH": str(made.state)},
        )  # fmt: skip # a command line
        assert done.returncode == code, done.stderr
        assert says.format(**places) in done.stderr


def test_what_a_registration_authority_needs_is_refused_by_name(tmp_path: Path) -> None:
    made = init(tmp_path)
    ca = json.loads(made.config.read_text())
    ca["authority"] |= {"type": "stepcas", "certificateAuthority": "https://localhost:1"}
    made.config.write_text(json.dumps(ca))
    done = subprocess.run(
        [OURS, str(made.config), "--password-file", str(made.password)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 2
    assert "authority.type: this authority issues with its own keys" in done.stderr
    assert "authority.certificateAuthority: " in done.stderr
