"""A host that is reached through a bastion, which ssh learns from the authority and no one types."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import run, serve_newel
from fixtures.scenarios import Shell
from fixtures.ssh_programs import agent, sshd

pytestmark = pytest.mark.needs("step", "ssh", "sshd", "ssh-keygen", "ssh-agent")
BY = "--provisioner admin --provisioner-password-file password.txt"
KEYS = f"{BY} --no-password --insecure --no-agent --force"
RELAY = """import os, socket, sys, threading
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def send():
    while block := os.read(0, 65536):
        link.sendall(block)
    link.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while block := link.recv(65536):
    os.write(1, block)
"""
"""What `nc` does on a bastion, and not every machine has."""


def certify_host(host: Shell, key: str, name: str) -> "tuple[Path, tuple[str, ...]]":
    """Get a certificate for a host; return the file for its settings, and their lines."""
    home = host.home
    host.type_line(f"step ssh certificate --host {name} {key} {KEYS}")
    lines = (f"HostKey {home}/{key}", f"HostCertificate {home}/{key}-cert.pub",
             f"TrustedUserCAKeys {home}/users.pub")  # fmt: skip # words in rows
    return home / f"{key}.conf", lines


@pytest.mark.parametrize("program", ["ours", "step"])
def test_a_log_in_goes_through_the_bastion(tmp_path: Path, program: str) -> None:
    state, ports = tmp_path / "state", (free_port(), free_port())
    me = run(["id", "-un"]).stdout.strip()
    with serve_newel(state, *ports, "--ssh") as (running, _):
        host = Shell(tmp_path / "host", "ours", running).bootstrap()
        host.type_line("step ssh config --roots > users.pub")
        (host.home / "relay.py").write_text(RELAY)
        bastion = certify_host(host, "bastion", "localhost")
        target = certify_host(host, "target", "127.0.0.1")
    (tmp_path / "ada").mkdir()
    with (
        agent(tmp_path / "ada") as socket,
        sshd(bastion[0], *bastion[1]) as gate,
        sshd(target[0], *target[1]) as port,
    ):
        name_bastion(state, me, gate, host.home, tmp_path / "ada/known_hosts")
        with serve_newel(state, *ports) as (running, _):
            user = Shell(tmp_path / "ada", program, running, {"SSH_AUTH_SOCK": socket}).bootstrap()
            user.type_line(
                "step ssh config --host --roots | sed 's/^/@cert-authority * /' > known_hosts"
            )
            user.type_line(f"step ssh login {me} {BY}")
            assert log_in(user, me, port).stdout == "inside\n"
            said = log_in(user, me, free_port())
            assert said.returncode != 0
    assert f"Accepted publickey for {me}" in bastion[0].with_suffix(".log").read_text()


def name_bastion(state: Path, user: str, port: int, home: Path, known: Path) -> None:
    """Say in ca.json that connections go through the bastion."""
    file = state / "config/ca.json"
    settings = json.loads(file.read_text())
    settings["ssh"]["bastion"] = {
        "hostname": "localhost", "port": str(port), "user": user,
        "cmd": f"{sys.executable} {home}/relay.py %h %p",
        "flags": f"-F none -o BatchMode=yes -o UserKnownHostsFile={known}",
    }  # fmt: skip # a table
    file.write_text(json.dumps(settings))


def log_in(user: Shell, name: str, port: int) -> "subprocess.CompletedProcess[str]":
    """Log in to a host that ssh reaches by what the authority says of it."""
    options = (
        "BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={user.home}/known_hosts",
        f"ProxyCommand={user.home}/bin/step ssh proxycommand %r %h %p",
    )  # fmt: skip # words in rows
    words = [word for option in options for word in ("-o", option)]
    return subprocess.run(
        ["ssh", "-F", "none", *words, "-p", str(port), f"{name}@127.0.0.1", "echo inside"],
        cwd=user.home, env=user.env, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip # a command line
