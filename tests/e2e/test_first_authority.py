"""A first authority: it is made, its root key is taken offline, its keys get another password."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, others, run, serve_newel, wait_until
from fixtures.scenarios import Shell
from fixtures.step_ca import run_step_ca

DONE = (
    "Generating root certificate... done!\nGenerating intermediate certificate... done!\n\n"
    "✔ Root certificate: {0}/certs/root_ca.crt\n"
    "✔ Root private key: {0}/secrets/root_ca_key\n"
)
PKI = [
    "certs/intermediate_ca.crt", "certs/root_ca.crt", "config/ca.json", "config/defaults.json",
    "secrets/intermediate_ca_key", "secrets/root_ca_key",
]  # fmt: skip # words in rows
COMMANDS = (
    "init", "bootstrap", "root", "token", "certificate", "sign", "renew", "revoke", "provisioner",
)  # fmt: skip # words in rows


@pytest.mark.needs("step-ca", "curl")
@pytest.mark.parametrize("chosen", ["p4ss", ""], ids=["typed", "generated"])
def test_the_first_authority_at_a_terminal(tmp_path: Path, chosen: str) -> None:
    ca, port = Shell(tmp_path, "ours"), free_port()
    (tmp_path / "bin/step-ca").symlink_to(others("step-ca"))
    screen = ca.type_line(
        "step ca init",
        ("▸ Standalone", ""),
        ("(e.g. Smallstep)", "Smallstep"),
        ("to reach your CA?", "localhost"),
        ("What IP and port will your new CA bind to?", f"127.0.0.1:{port}"),
        ("first provisioner?", "me@example.com"),
        ("leave empty and we'll generate one]", chosen),
    )
    assert DONE.format(tmp_path / "step") in screen
    assert re.search(r"✔ Root fingerprint: [0-9a-f]{64}\n", screen)
    assert "Your PKI is ready to go." in screen
    made = re.search(r"Password: (\S+)", screen)
    assert (made is None) is bool(chosen)
    listed = ca.type_line("step help ca")
    assert all(re.search(rf"^\s+{command}\b", listed, re.MULTILINE) for command in COMMANDS)
    health = f"curl -sf --cacert $(step path)/certs/root_ca.crt https://localhost:{port}/health"
    check_short_form = ca.type_line(
        # bounded: the interruption may end the question that was just answered
        f"(for i in $(seq 600); do {health} && break; sleep 0.1; done) & "
        "step-ca $(step path)/config/ca.json; true",
        ("Please enter the password to decrypt", made[1] if made else chosen),
        ('{"status":"ok"}', "\x03"),
    )
    assert "Serving HTTPS on" in check_short_form


def check_short_form(ca: Shell) -> None:
    """Both certificates in short form."""
    for name, kind in (("root", "Root CA"), ("intermediate", "Intermediate CA")):
        short = ca.type_line(f"step certificate inspect --short $(step path)/certs/{name}_ca.crt")
        assert re.match(
            rf"X\.509v3 {kind} Certificate \(ECDSA P-256\) \[Serial: \d+\.\.\.\d+\]\n", short
        )
        assert f"  Subject:     Smallstep {kind}\n  Issuer:      Smallstep Root CA\n" in short


def online(ca: Shell, port: int) -> None:
    """The running authority's own certificate, by the intermediate: the root's key is not there."""
    assert not (Path(ca.env["STEPPATH"]) / "secrets/root_ca_key").exists()
    short = ca.type_line(
        f"step certificate inspect https://localhost:{port} --short "
        "--roots $(step path)/certs/root_ca.crt"
    )
    assert short.startswith("X.509v3 TLS Certificate (ECDSA P-256) [Serial: ")
    assert "  Subject:     Step Online CA\n               localhost\n" in short
    assert "  Issuer:      Smallstep Intermediate CA\n" in short
    start, end = re.findall(r"(\d{4}-\d\d-\d\d)T", short)
    assert start < end


def changes_password(ca: Shell, key: str) -> None:
    """From the first to a new one."""
    name = f"{ca.env['STEPPATH']}/secrets/{key}"
    ca.type_line(
        f"step crypto change-pass $(step path)/secrets/{key}",
        (f"Please enter the password to decrypt {name}", "p4ss"),
        (f"Please enter the password to encrypt {name}", "new"),
        (f"Would you like to overwrite {name}", "y"),
    )


@pytest.mark.needs("step-ca")
def test_a_scripted_authority_for_step_ca(tmp_path: Path) -> None:
    ca, port = Shell(tmp_path, "ours"), free_port()
    ca.type_line('echo "p4ss" > password.txt; echo "new" > new.txt')
    said = ca.read_messages(
        f'step ca init --name "Smallstep" --provisioner admin --dns "localhost" --address "127.0.0.1:{port}" '
        "--password-file password.txt --provisioner-password-file password.txt < /dev/null"
    )
    assert DONE.format(tmp_path / "step") in said
    assert ca.type_line("cd $(step path) && find . -type f | sort").replace("./", "").split() == PKI
    check_short_form(ca)
    ca.type_line("mkdir offline && mv $(step path)/secrets/root_ca_key offline/")
    with run_step_ca(tmp_path / "step", port, tmp_path / "password.txt"):
        online(ca, port)
    changes_password(ca, "intermediate_ca_key")
    ca.type_line(
        f"{others('step-ca')} $(step path)/config/ca.json --password-file password.txt", code=2
    )
    with run_step_ca(tmp_path / "step", port, tmp_path / "new.txt"):
        online(ca, port)
    assert ca.type_line("STEPPATH=/srv/pki step path") == "/srv/pki\n"


@pytest.mark.parametrize("program", ["ours", pytest.param("step", marks=pytest.mark.needs("step"))])
def test_an_authority_of_ours(tmp_path: Path, program: str) -> None:
    """`newel up` makes what `ca init` makes, and more keys of its own under the same password."""
    ca, ports = Shell(tmp_path, program), (free_port(), free_port())
    ca.type_line('(umask 077; echo "p4ss" > password.txt)')
    flags = ("--name", "Smallstep", "--password-file", str(tmp_path / "password.txt"))
    with serve_newel(tmp_path / "step", *ports, *flags):
        found = ca.type_line("cd $(step path) && find . -type f").replace("./", "").split()
        assert set(PKI) <= set(found)
        check_short_form(ca)
        ca.type_line("mkdir offline && mv $(step path)/secrets/root_ca_key offline/")
        online(ca, ports[0])
    for key in ("intermediate_ca_key", "ocsp_responder_key"):
        changes_password(ca, key)
    ca.type_line(f"{NEWEL} up --state $(step path) --address 127.0.0.1:{ports[0]}", code=1)
    (tmp_path / "password.txt").write_text("new\n")
    with serve_newel(tmp_path / "step", *ports):
        online(ca, ports[0])


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("program", ["ours", "original"])
def test_newel_up_serves_what_ca_init_made(tmp_path: Path, program: str) -> None:
    """An authority that step made can be taken over as it is: its OCSP responder is all it lacks."""
    state, password = tmp_path / "home", tmp_path / "password"
    password.write_text("p4ss")
    password.chmod(0o600)
    port = free_port()
    line = [
        NEWEL if program == "ours" else others("step"), "ca", "init", "--name", "Smallstep", "--dns",
        "localhost", "--address", f"127.0.0.1:{port}", "--provisioner", "me@example.com",
        "--deployment-type", "standalone", "--password-file", password,
    ]  # fmt: skip # a command line
    run(line, env={**os.environ, "STEPPATH": str(state)})
    before = (state / "config/ca.json").read_bytes()
    with serve_newel(state, port, free_port(), "--password-file", str(password)) as (authority, _):
        asked = authority.step(
            "ca", "certificate", "localhost", str(tmp_path / "a.crt"), str(tmp_path / "a.key"),
            "--provisioner", "me@example.com", "--provisioner-password-file", str(password),
        )  # fmt: skip # a command line
        assert asked.returncode == 0, asked.stderr
        wait_until(lambda: authority.ocsp(tmp_path / "a.crt") == "good")  # it has just begun
        check_short_form = run(
            ["openssl", "x509", "-noout", "-ocsp_uri", "-in", tmp_path / "a.crt"]
        ).stdout
        assert check_short_form == f"{authority.http_url}/ocsp\n"
        assert "me@example.com" in authority.log.read_text()
        assert "certbot" not in authority.log.read_text()
    assert (state / "config/ca.json").read_bytes() == before


def test_newel_up_says_where_the_password_of_what_ca_init_made_is_missing(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("p4ss")
    state = tmp_path / "home"
    line = [
        NEWEL, "ca", "init", "--name", "T", "--dns", "localhost", "--address", f"127.0.0.1:{free_port()}",
        "--provisioner", "me", "--deployment-type", "standalone", "--password-file", password,
    ]  # fmt: skip # a command line
    run(line, env={**os.environ, "STEPPATH": str(state)})
    done = subprocess.run(
        [NEWEL, "up", "--state", state, "--metrics-address", f"127.0.0.1:{free_port()}"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 1
    missing = state / "secrets/password"
    assert done.stderr == (
        f"newel up: {missing}: missing; name the keys' password by --password-file\n"
    )
