"""`newel status`: facts of an authority, and what cannot be read is told in its place."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, run, serve_newel
from newel.standalone.status.command import main


def test_a_page_of_facts_of_a_running_authority(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "ca"
    passphrase = tmp_path / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("correct horse")
    with serve_newel(state, free_port(), free_port()) as (authority, _):
        password = ("--provisioner", "admin", "--password-file", str(authority.password_file))
        certificate = [str(tmp_path / "a.crt"), str(tmp_path / "a.key")]
        env = {**os.environ, "STEPPATH": str(state)}
        run([NEWEL, "ca", "certificate", "a.example", *certificate, *password], env=env)
        facts = read(state, capsys)
        assert facts["serving"]["running"]
        assert facts["serving"]["ready"]
        assert [each["kind"] for each in facts["authorities"]] == ["root", "issuer"]
        assert facts["certificates"]["issued"] >= 2  # the server's own, and this one
        assert facts["certificates"]["underWay"] == 0
        assert facts["lists"][0]["nextUpdate"] > "2026"
        assert set(facts["waitingEvents"]) == {
            "registration",
            "issuing",
            "validation",
            "inventory",
        }
        assert facts["lastBackup"] is None
        words = ["--state", state, "--passphrase-file", passphrase]
        run([NEWEL, "backup", tmp_path / "archive", *words])
        assert read(state, capsys)["lastBackup"]
        note = state / "db/last-backup.json"
        note.write_text("{}")
        assert read(state, capsys)["lastBackup"] == {"unavailable": f"{note}: it is damaged"}
        assert main(["--state", str(state)]) == 0
        page = capsys.readouterr().out
        assert ": ready\n" in page
        assert "number " in page
        assert f"last backup    (unavailable {note}: it is damaged)" in page
        assert "under way 0" in page
    (state / "db/validation.sqlite").unlink()
    facts = read(state, capsys)
    assert not facts["serving"]["running"]
    assert "no such database" in facts["lists"]["unavailable"]
    assert not (state / "db/validation.sqlite").exists()
    assert facts["certificates"]["issued"] >= 2
    assert main(["--state", str(state)]) == 0
    assert "no such database" in capsys.readouterr().out


def read(state: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["--state", str(state), "--json"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def test_a_folder_without_an_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("newel status: ")
    assert said.endswith("config/ca.json: no such file or directory\n")
