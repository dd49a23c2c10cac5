"""Two processes on one PostgreSQL: what an administrator changes through one, the other follows."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.processes import free_port
from fixtures.running import Authority, others, serve_newel, wait_until

pytestmark = pytest.mark.needs("step", "postgres", "initdb")


def step(authority: Authority, *words: str | Path) -> str:
    """Why a command of the real step at one of the processes failed; "" when it did not."""
    done = subprocess.run(
        [others("step"), "ca", *words, "--ca-url", authority.url, "--root", authority.root],
        env={**os.environ, "STEPPATH": str(authority.state)}, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip # a command line
    return done.stderr if done.returncode else ""


@dataclass(frozen=True, slots=True)
class Replicas:
    """The process that administrators ask, and the other one."""

    one: Authority
    other: Authority

    def change(self, *words: str) -> None:
        """A command of an administrator."""
        who = ["--admin-subject", "step", "--admin-provisioner", "admin", "--admin-password-file"]
        assert step(self.one, "provisioner", *words, *who, self.one.password_file) == ""

    def provisioner(self, name: str) -> dict[str, Any] | None:
        """A provisioner as the other process has it."""
        listed = self.other.get("/provisioners?limit=100")["provisioners"]
        return next((each for each in listed if each["name"] == name), None)

    def longest(self, name: str) -> str:
        """The longest certificate of a provisioner as the other process has it."""
        return ((self.provisioner(name) or {}).get("claims") or {}).get("maxTLSCertDuration", "")


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Generator[Replicas]:
    """An authority with remote management, moved to PostgreSQL, its folder on two machines."""
    home = tmp_path_factory.mktemp("replicas")
    with serve_newel(home / "one", free_port(), free_port(), "--remote-management"):
        pass
    file = home / "one/config/ca.json"
    ca = json.loads(file.read_text())
    ca["db"] = {"type": "postgresql", "dataSource": postgres_url}
    file.write_text(json.dumps(ca))
    shutil.copytree(home / "one", home / "other")
    with (
        serve_newel(home / "one", free_port(), free_port(), "--new-database") as (one, _),
        serve_newel(home / "other", free_port(), free_port()) as (other, _),
    ):
        yield Replicas(one, other)


def test_the_other_process_follows_under_load_without_a_failed_request(
    replicas: Replicas, tmp_path: Path
) -> None:
    """Certificates are asked of both by a provisioner that no one changes."""
    ended = threading.Event()

    def ask(number: int) -> list[str]:
        where = (replicas.one, replicas.other)[number % 2]
        files = [tmp_path / f"{number}.crt", tmp_path / f"{number}.key"]
        who = ["--provisioner", "admin", "--password-file", where.password_file]
        said: list[str] = []
        while not ended.is_set() or not said:
            said.append(step(where, "certificate", "a.internal", *files, "--force", *who))
        return list(filter(None, said))

    with ThreadPoolExecutor(4) as pool:
        load = [pool.submit(ask, number) for number in range(4)]
        try:
            replicas.change("add", "second", "--type", "ACME", "--x509-max-dur", "30h")
            wait_until(lambda: replicas.longest("second") == "30h0m0s")
            replicas.change("update", "second", "--x509-max-dur", "40h")
            wait_until(lambda: replicas.longest("second") == "40h0m0s")
            replicas.change("remove", "second")
            wait_until(lambda: replicas.provisioner("second") is None)
        finally:
            ended.set()
        assert [line for each in load for line in each.result()] == []
