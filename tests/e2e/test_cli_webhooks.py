"""Webhooks by remote management, against the real step-ca; read back by its own program."""

import json
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.machine import Machine
from fixtures.running import others
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    """A machine that bootstrapped from a step-ca with remote management."""
    home = tmp_path_factory.mktemp("webhooks")
    with step_ca(home / "state", "--remote-management") as authority:
        made = Machine(authority, home)
        defaults = json.loads((authority.state / "config/defaults.json").read_text())
        made.newel(
            "ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", defaults["fingerprint"]
        )
        (home / "secret").write_text("s3cret\n")
        made.newel("ca", "certificate", "step", "step.crt", "step.key", *made.provisioner)
        yield made


LOGIN = ["--admin-cert", "step.crt", "--admin-key", "step.key"]
"""A credential from before: once a webhook is there, the authority asks it about every new certificate."""


def test_a_webhook_comes_changes_and_goes(machine: Machine) -> None:
    words = ["ca", "provisioner", "webhook"]
    made = machine.newel(
        *words, "add", "admin", "names", "--url", "https://a.example/names", "--kind", "enriching",
        "--basic-auth-username", "u", "--basic-auth-password-file", "secret", *LOGIN,
    ).stdout.splitlines()  # fmt: skip # a command line
    assert made[0].startswith("Webhook ID: ")
    assert made[1].startswith("Secret: ")
    assert "already has a webhook" in machine.newel(
        *words, "add", "admin", "names", "--url", "https://a.example/", "--kind", "ENRICHING",
        *LOGIN, good=False,
    ).stderr  # fmt: skip # a command line
    machine.newel(
        *words, "update", "admin", "names", "--url", "https://b.example/", "--kind", "AUTHORIZING",
        "--cert-type", "X509", *LOGIN,
    )  # fmt: skip # a command line
    again = subprocess.run(
        [others("step"), *words, "update", "admin", "names", "--url", "https://c.example/", *LOGIN],
        env={**os.environ, "STEPPATH": str(machine.home / "step")},
        cwd=machine.home, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip # a command line
    assert again.returncode == 0, again.stderr
    machine.newel(*words, "remove", "admin", "names", *LOGIN)
    machine.newel(
        *words,
        "update",
        "admin",
        "names",
        "--url",
        "https://d.example/",
        *LOGIN,
        good=False,
    )


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "requires the '--url' flag"),
        (["--url", "http://a.example"], "must be an https address"),
        (["--url", "https://a.example"], "requires the '--kind' flag"),
        (["--url", "https://a.example", "--kind", "odd"], "invalid value 'odd' for flag '--kind'"),
        (
            ["--url", "https://a.example", "--kind", "ENRICHING", "--cert-type", "odd"],
            "options are ALL, X509",
        ),
        (
            ["--url", "https://a.example", "--kind", "ENRICHING", "--basic-auth-username", "u"],
            "requires the '--basic-auth-password-file' flag",
        ),
    ],
)
def test_refusals_before_anybody_is_asked(
    machine: Machine, flags: list[str], expected: str
) -> None:
    words = ["ca", "provisioner", "webhook", "add", "admin", "x", *flags]
    assert expected in machine.newel(*words, good=False).stderr


def test_an_authority_without_remote_management_has_none(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with step_ca(tmp_path / "state") as authority:
        machine = Machine(authority, tmp_path / "home")
        flags = ["--ca-url", authority.url, "--root", str(authority.root)]
        said = machine.fail("ca", "provisioner", "webhook", "remove", "admin", "x", *flags)
    assert said == "the admin API must be enabled to use webhooks\n"
