"""`--offline` beside an authority that `newel up` made: files are found, nothing is issued off the record."""

import os
import subprocess
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, serve_newel


@pytest.mark.parametrize("moved", [False, True], ids=["in place", "moved"])
def test_offline_commands_find_the_files_and_issue_nothing_off_the_record(
    tmp_path: Path, moved: bool
) -> None:
    state, ports = tmp_path / "state", (free_port(), free_port())
    with serve_newel(state, *ports):
        pass
    if moved:
        state = state.rename(tmp_path / "elsewhere")
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()

    def newel(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NEWEL, *words],
            cwd=elsewhere,
            env={**os.environ, "STEPPATH": str(state)},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    password = ["--password-file", str(state / "secrets/password")]
    token = newel("ca", "token", "a.lab", "--offline", "--provisioner", "admin", *password)
    assert token.returncode == 0, token.stderr
    done = newel(
        "ca",
        "certificate",
        "a.lab",
        "a.crt",
        "a.key",
        "--offline",
        "--provisioner",
        "admin",
        *password,
    )
    assert done.returncode == 1
    assert "this authority records every certificate it issues" in done.stderr
    assert not list(elsewhere.iterdir())
