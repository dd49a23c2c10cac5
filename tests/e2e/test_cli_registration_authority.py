"""`ca init --ra`: the original's files, with which its server registers for ours and for its own authority."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fixtures.machine import Machine, authority, machine, root_fingerprint, stranger
from fixtures.processes import free_port
from fixtures.running import NEWEL, others, run
from fixtures.step_ca import run_step_ca
from fixtures.terminal import at_a_terminal

__all__ = ["authority", "machine", "stranger"]
pytestmark = pytest.mark.needs("step", "step-ca")


def init(machine: Machine, state: Path, port: int, *flags: str, program: str) -> str:
    """Makes a registration authority's state; what was said."""
    words = [
        program, "ca", "init", "--ra", "StepCAS", "--issuer", machine.authority.url,
        "--issuer-fingerprint", root_fingerprint(machine.authority), "--issuer-provisioner", "admin",
        "--dns", "localhost", "--address", f"127.0.0.1:{port}", "--provisioner", "local",
        "--password-file", machine.authority.password_file, *flags,
    ]  # fmt: skip # a command line
    environment = {"STEPPATH": str(state), "PATH": "/usr/bin", "HOME": str(machine.home)}
    return run(words, env=environment).stderr


def read_state(state: Path) -> dict[str, Any]:
    """What the files say, without what is drawn by lot."""
    config = json.loads((state / "config/ca.json").read_text().replace(str(state), "STATE"))
    for provisioner in config["authority"]["provisioners"]:
        provisioner.pop("key", None)
        provisioner.pop("encryptedKey", None)
    defaults = json.loads((state / "config/defaults.json").read_text().replace(str(state), "STATE"))
    return {"ca.json": config, "defaults.json": defaults}


def test_the_originals_files(machine: Machine) -> None:
    ours, theirs = machine.home / "ours", machine.home / "theirs"
    for flags in ([], ["--acme", "--ssh"]):
        for state, program in ((ours, NEWEL), (theirs, others("step"))):
            init(machine, state, 443, *flags, program=program)
        assert read_state(ours) == read_state(theirs)
        files = [
            sorted(p.relative_to(s) for p in s.rglob("*") if p.is_file()) for s in (ours, theirs)
        ]
        assert files[0] == files[1]
        assert (ours / "certs/root_ca.crt").read_text() == (
            theirs / "certs/root_ca.crt"
        ).read_text()
        for state in (ours, theirs):
            run(["rm", "-r", state])


def test_a_server_registers_with_them(machine: Machine) -> None:
    """The original's server, from our files, has the certificate issued by the other authority."""
    port, state = free_port(), machine.home / "ra"
    said = init(machine, state, port, program=NEWEL)
    assert "✔ Root fingerprint: " in said
    assert "Intermediate" not in said
    assert "Your registration authority is ready to go." in said
    password = machine.authority.password_file
    with run_step_ca(state, port, password, "--issuer-password-file", str(password)) as registering:
        flags = [
            "--provisioner",
            "local",
            "--password-file",
            str(password),
            "--ca-url",
            registering.url,
        ]
        machine.newel("ca", "certificate", "ra.internal", "a.crt", "a.key", *flags)
    issuer = machine.read("a").issuer
    assert issuer == machine.chain("a")[1].subject


def test_what_no_flag_says_is_asked(machine: Machine) -> None:
    state = machine.home / "asked"
    words = [
        NEWEL,
        "ca",
        "init",
        "--ra",
        "stepcas",
        "--deployment-type",
        "standalone",
        "--password-file",
    ]
    answers = [
        ("Which authority shall certify the requests?", machine.authority.url),
        ("What is the fingerprint of its root?", root_fingerprint(machine.authority)),
        ("Which of its JWK provisioners lets this one in?", "admin"),
        ("What DNS names or IP addresses", "ra.internal,10.1.2.3"),
        ("What IP and port", ":443"),
        ("What would you like to name the CA's first provisioner?", "local"),
    ]
    command = [*words, machine.authority.password_file]
    environment = {**os.environ, "STEPPATH": str(state)}
    code, shown = at_a_terminal(command, answers, cwd=machine.home, env=environment)
    assert code == 0, shown
    config = json.loads((state / "config/ca.json").read_text())
    assert config["authority"]["certificateIssuer"] == {"type": "JWK", "provisioner": "admin"}
    assert config["dnsNames"] == ["ra.internal", "10.1.2.3"]
    assert config["crt"] == config["key"] == ""


def test_what_cannot_be_made_here(machine: Machine) -> None:
    """Each is one line, and nothing is written."""
    parent = [
        "--issuer",
        machine.authority.url,
        "--issuer-provisioner",
        "p",
        "--issuer-fingerprint",
    ]
    rest = ["--dns", "a", "--address", ":443", "--provisioner", "p", "--password-file", "pw"]
    (machine.home / "pw").write_text("pw")
    cases = [
        (["--ra", "Foo"], "invalid value 'Foo' for flag '--ra'; options are StepCAS or CloudCAS"),
        (["--ra", "CloudCAS"], "flag '--ra CloudCAS' is not supported by this version"),
        (["--kms", "Foo"], "invalid value 'Foo' for flag '--kms'; options are azurekms"),
        (["--kms", "azurekms"], "flag '--kms azurekms' is not supported by this version"),
        (["--kms", "azurekms", "--ra", "StepCAS"], "flag '--kms' is incompatible with '--ra'"),
        (["--ra", "stepcas", "--root", "r", "--key", "k"], "flag '--root' is incompatible with '--ra'"),
        (["--ra", "stepcas", "--deployment-type", "hosted"], "options are standalone, linked"),
        (["--ra", "stepcas", *parent, "00", *rest], "'00' is no SHA-256 fingerprint"),
        (["--ra", "stepcas", *parent, "0" * 64, *rest], "was not found"),
        (["--ra", "stepcas", "--issuer", "http://a", "--deployment-type", "linked"], "is not the https address"),
    ]  # fmt: skip # a command line
    for words, expected in cases:
        said = machine.fail("ca", "init", *words)
        assert expected in said, f"{words}: {said}"
