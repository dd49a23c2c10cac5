"""An agent with a client certificate gets others without a token, over real TLS, in both shapes."""

import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.admissions import SHAPES, Client, authority_with
from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, run, serve_newel, wait_until
from fixtures.step_ca import change

pytestmark = pytest.mark.needs("curl", "step")
CLEAR = ["--no-password", "--insecure"]
CURL_HTTP_ERROR = 22


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foreign root, an intermediate in roots.pem with it, and agent.crt under that with agent.key."""
    home = tmp_path_factory.mktemp("agent")
    create = [NEWEL, "certificate", "create", *CLEAR]
    middle = ["--profile", "intermediate-ca", "--ca", "root.crt", "--ca-key", "root.key"]
    leaf = ["--ca", "middle.crt", "--ca-key", "middle.key", "--san", "agent-1.internal"]
    run([*create, "Maker Root", "root.crt", "root.key", "--profile", "root-ca"], cwd=home)
    run([*create, "Maker CA", "middle.crt", "middle.key", *middle], cwd=home)
    run([*create, "agent-1", "agent.crt", "agent.key", *leaf, "--not-after", "1h"], cwd=home)
    text = (home / "root.crt").read_bytes() + (home / "middle.crt").read_bytes()
    (home / "roots.pem").write_bytes(text)
    return home


def record(agent: Path, name: str = "agents") -> dict[str, Any]:
    """A provisioner for these agents."""
    roots = base64.b64encode((agent / "roots.pem").read_bytes()).decode()
    return {"type": "mTLS", "name": name, "roots": roots}


@pytest.fixture(scope="module", params=SHAPES[:2])
def authority(
    request: pytest.FixtureRequest, agent: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Authority]:
    """Our authority with the provisioner, in both shapes."""
    with authority_with(request, tmp_path_factory.mktemp("ca"), [record(agent)]) as running:
        yield running


def ask(authority: Authority, home: Path, agent: Path, query: str = "") -> dict[str, Any]:
    """What curl is answered on a request without a token: the docs' own commands."""
    for name in ("agent.crt", "agent.key"):
        shutil.copy(agent / name, home)
    shutil.copy(authority.root, home / "root.crt")
    create = ["certificate", "create", "--csr", *CLEAR, "agent-1", "new.csr", "new.key", "--force"]
    run([NEWEL, *create, "--san", "agent-1.internal"], cwd=home)
    line = (
        "jq -n --rawfile csr new.csr '{$csr}' |"
        " curl -s --cacert root.crt --cert agent.crt --key agent.key --json @-"
        f" {authority.url}/sign{query}"
    )
    return json.loads(run(["bash", "-c", line], cwd=home).stdout)


@pytest.mark.needs("jq")
def test_an_agent_needs_no_token(authority: Authority, agent: Path, tmp_path: Path) -> None:
    answer = ask(authority, tmp_path, agent)
    (tmp_path / "new.crt").write_text("".join(answer["certChain"]))
    client = Client(authority, tmp_path)
    assert client.names("new.crt") == ["agent-1.internal"]
    own, first = client.leaf("new.crt"), client.leaf("agent.crt")
    assert own.not_valid_after_utc == first.not_valid_after_utc
    client.run("ca", "renew", "new.crt", "new.key", "--force")
    answer = ask(authority, tmp_path, agent, "?provisioner=other")
    assert answer["message"].startswith("The request lacked necessary authorization")


@pytest.mark.needs("jq")
@pytest.mark.parametrize("program", ["ours", "step"])
def test_both_command_lines_live_with_it(
    authority: Authority, agent: Path, tmp_path: Path, program: str
) -> None:
    """The original skips a kind it does not know; both show its certificates."""
    answer = ask(authority, tmp_path, agent)
    (tmp_path / "new.crt").write_text("".join(answer["certChain"]))
    client = Client(authority, tmp_path, program)
    listed = client.run("ca", "provisioner", "list")
    assert ('"agents"' in listed) is (program == "ours")
    shown = client.run_offline("certificate", "inspect", "new.crt")
    assert "Name: agents" in shown
    who = ["--provisioner", "admin", "--password-file", str(authority.password_file)]
    client.run("ca", "certificate", "foo.internal", "foo.crt", "foo.key", *who)


@pytest.mark.needs("jq")
def test_a_provisioner_that_is_added_while_it_runs(agent: Path, tmp_path: Path) -> None:
    """By the command line, which the original does not know it with; new connections are accepted at once."""
    state = tmp_path / "state"
    with serve_newel(state, free_port(), free_port()) as (authority, process):
        before = run_curl(authority, agent)
        assert before != 0  # TLS ends, because no CA of the listener's issued the certificate
        words = ["ca", "provisioner", "add", "agents", "--type", "mTLS", "--x5c-roots",
                 str(agent / "roots.pem"), "--ca-config", str(state / "config/ca.json")]  # fmt: skip # words
        run([NEWEL, *words])
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: run_curl(authority, agent) == 0)
        answer = ask(authority, tmp_path, agent)
        assert "crt" in answer
        for path in ("/inventory/certificates", "/alerts"):  # it is no administrator's for that
            assert run_curl(authority, agent, path, "--fail") == CURL_HTTP_ERROR

        def remove(ca: dict[str, Any]) -> None:
            kept = [each for each in ca["authority"]["provisioners"] if each["name"] != "agents"]
            ca["authority"]["provisioners"] = kept

        change(state / "config/ca.json", remove)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: run_curl(authority, agent) != 0)


def run_curl(authority: Authority, agent: Path, path: str = "/health", *flags: str) -> int:
    """How curl ends that shows the agent's certificate."""
    words = ["--cert", str(agent / "agent.crt"), "--key", str(agent / "agent.key")]
    return subprocess.run(
        ["curl", "-s", "-o", os.devnull, "--cacert", str(authority.root), *words, *flags,
         f"{authority.url}{path}"], check=False, timeout=60,
    ).returncode  # fmt: skip # a command line
