"""SSH: hosts know users and users know hosts by certificates, of the real step-ca and of our authority."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.processes import free_port
from fixtures.running import Authority, serve_newel
from fixtures.scenarios import Shell
from fixtures.ssh_programs import agent
from fixtures.ssh_walks import walk_hosts_authenticate_users, walk_users_trust_hosts
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh", "sshd", "ssh-agent", "ssh-keygen")
PAIRS = [("ours", "step-ca"), ("step", "up"), ("ours", "up")]


def without_acme(ca: dict[str, Any]) -> None:
    """Configure the scenario's authority."""
    authority = ca["authority"]
    authority["provisioners"] = [
        each for each in authority["provisioners"] if each["type"] != "ACME"
    ]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    state = tmp_path_factory.mktemp("ssh") / "state"
    with step_ca(state, "--ssh", edit=without_acme) as running:
        yield running


@pytest.fixture(scope="module")
def newel(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    state = tmp_path_factory.mktemp("ssh") / "newel"
    with serve_newel(state, free_port(), free_port(), "--ssh") as (running, _):
        yield running


@pytest.fixture(params=PAIRS, ids=["ours-step-ca", "step-up", "ours-up"])
def pair(request: pytest.FixtureRequest) -> tuple[str, Authority]:
    program, authority = request.param
    return program, request.getfixturevalue("original" if authority == "step-ca" else "newel")


@pytest.fixture
def host(pair: tuple[str, Authority], tmp_path: Path) -> Shell:
    return Shell(tmp_path / "host", *pair).bootstrap()


@pytest.fixture
def alice(pair: tuple[str, Authority], tmp_path: Path) -> Generator[Shell]:
    home = tmp_path / "alice"
    home.mkdir()
    with agent(home) as socket:
        yield Shell(home, *pair, {"SSH_AUTH_SOCK": socket}).bootstrap()


def test_hosts_authenticate_users(host: Shell, alice: Shell) -> None:
    walk_hosts_authenticate_users(host, alice)


def test_users_trust_hosts_and_weekly_rotation(host: Shell, alice: Shell) -> None:
    walk_users_trust_hosts(host, alice)
