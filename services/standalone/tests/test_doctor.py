"""`newel doctor`: each fault is found, named and said how to mend, and a sound authority has none."""

import datetime as dt
import json
import shutil
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, run, serve_newel
from newel.runtime.clock import SystemClock
from newel.standalone.doctor import files, serving
from newel.standalone.doctor.command import examine, main
from newel.standalone.doctor.diagnoses import Diagnosis, Level, write_text
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse
from newel.standalone.settings import read_settings


@pytest.fixture(scope="module")
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that was made, and serves nothing."""
    state = tmp_path_factory.mktemp("doctor") / "state"
    words = ["--state", str(state), "--http-address", f"127.0.0.1:{free_port()}"]
    create(Layout(state), parse(words), SystemClock().now())
    return state


@pytest.fixture
def state(new_authority: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_authority, tmp_path / "state"))


def problems(state: Path) -> list[Diagnosis]:
    return [each for each in examine(Layout(state)) if each.level is Level.PROBLEM]


def edit(state: Path, **members: Any) -> None:
    file = state / "config/ca.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | members))


def test_a_sound_authority_has_no_problem(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(state) == []
    assert main(["--state", str(state)]) == 0
    shown = capsys.readouterr().out
    assert "nothing serves at http://127.0.0.1:" in shown
    assert f"-> newel up --state {state}" in shown
    assert main(["--state", str(state), "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert {"level": "ok", "subject": "configuration"}.items() <= read[0].items()
    assert {each["subject"] for each in read} >= {"keys", "certificates", "disk", "clock", "names"}


def test_an_authority_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path / "none")]) == 1
    shown = capsys.readouterr().out
    assert "config/ca.json: no such file" in shown
    assert "-> name the folder of an authority by --state" in shown


@pytest.mark.parametrize(
    ("change", "subject", "text", "advice"),
    [
        ({"adress": "x"}, "configuration", "adress", "docs/ca-json.md"),
        ({"root": "gone.crt"}, "configuration", "gone.crt", "docs/ca-json.md"),
        ({"root": "certs/intermediate_ca.crt"}, "certificates", "leads to no root", "its root"),
    ],
)
def test_faults_of_the_configuration(
    state: Path, change: dict[str, Any], subject: str, text: str, advice: str
) -> None:
    edit(state, **change)
    (found,) = problems(state)
    assert found.subject == subject
    assert text in found.text
    assert advice in found.advice


def test_secrets_that_others_may_read(state: Path) -> None:
    key, password = state / "secrets/intermediate_ca_key", state / "secrets/password"
    key.chmod(0o604)
    password.chmod(0o644)
    (state / "config/ca.json").chmod(0o666)
    advice = {each.advice for each in problems(state) if each.subject == "rights"}
    assert advice == {
        f"chmod 600 {key}",
        f"chmod 600 {password}",
        f"chmod go-w {state}/config/ca.json",
    }


def test_a_password_and_a_key_that_do_not_fit(state: Path, new_authority: Path) -> None:
    shutil.copy(new_authority / "secrets/ocsp_responder_key", state / "secrets/intermediate_ca_key")
    (found,) = problems(state)
    assert found.subject == "keys"
    assert "is not the key of" in found.text
    (state / "secrets/password").write_text("wrong")
    assert {each.advice for each in problems(state)} == {"is it another key's password?"}
    (state / "secrets/password").unlink()
    assert [each.subject for each in problems(state)] == ["configuration"]


def test_certificates_and_lists_that_end(state: Path) -> None:
    settings = read_settings(Layout(state))

    def levels(days: int) -> dict[str, Level]:
        now = SystemClock().now() + dt.timedelta(days=days)
        found = files.check_certificates(settings, now)
        return {each.text.partition(" ")[0]: each.level for each in found}

    assert set(levels(0).values()) == {Level.OK}
    assert levels(310)["the"] is Level.WARNING
    assert levels(370)["the"] is Level.PROBLEM
    assert levels(3620)["CN=Newel"] is Level.WARNING
    assert set(levels(3700).values()) == {Level.PROBLEM}
    past = files.check_certificates(settings, SystemClock().now() - dt.timedelta(days=2))
    assert "this machine's clock is behind; set it" in {each.advice for each in past}


def test_a_clock_that_was_put_back(state: Path) -> None:
    layout = Layout(state)
    layout.audit.parent.mkdir(exist_ok=True)
    layout.audit.write_text("{}\n")
    found = serving.check_clock(layout, SystemClock().now() - dt.timedelta(hours=1))
    assert (found.level, found.subject) == (Level.PROBLEM, "clock")
    assert "when the audit trail was last written" in found.text


def test_a_clock_that_cannot_be_asked_about(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        """A C library without ``ntp_adjtime``."""

    monkeypatch.setattr("ctypes.CDLL", lambda _name: Libc())  # pyright: ignore[reportUnknownLambdaType,reportUnknownArgumentType]
    assert serving.check_clock(Layout(state), SystemClock().now()).level is Level.NOTE


def test_another_program_at_the_address(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        edit(state, insecureAddress=f"127.0.0.1:{other.getsockname()[1]}")
        thread = threading.Thread(target=answer, args=(other,))
        thread.start()
        found = [each for each in examine(Layout(state)) if each.subject == "serving"]
        thread.join()
    assert "another program answers there, with status 200" in found[0].text


def answer(server: socket.socket) -> None:
    """Answer one request as any web server does."""
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def test_a_name_that_this_machine_does_not_find(state: Path) -> None:
    edit(state, dnsNames=["localhost", "ca.invalid"])
    found = [each for each in examine(Layout(state)) if each.subject == "names"]
    assert [each.level for each in found] == [Level.OK, Level.WARNING]
    assert found[1].text.startswith("ca.invalid is not found from here")


def test_the_sum_is_in_the_last_line() -> None:
    found = [Diagnosis(Level.PROBLEM, "a", "b"), *[Diagnosis(Level.WARNING, "a", "b", "c")] * 2]
    assert write_text(found).endswith("\n\n1 problem, 2 warnings\n")
    assert write_text([]).endswith("Nothing is wrong.\n")


@pytest.mark.parametrize("flag", ["--states", "--foo"])
def test_an_unknown_flag_is_refused(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([flag, "x"])
    assert flag in capsys.readouterr().err


def test_a_served_authority_is_looked_at_without_being_stopped(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serve_newel(state, free_port(), free_port()) as (authority, _):
        read = json.loads(run([NEWEL, "doctor", "--state", state, "--json"]).stdout)
        subjects = {each["subject"]: each["level"] for each in read}
        assert (subjects["serving"], subjects["revocation"], subjects["databases"]) == ("ok",) * 3
        assert authority.get("/health") == {"status": "ok"}
    database = state / "db/issuing.sqlite"
    database.unlink()
    (found,) = problems(state)
    assert (found.subject, found.advice[:20]) == ("databases", "docs/runbooks/backup")
    sqlite3.connect(database).close()
    assert [each.subject for each in problems(state)] == ["databases"]
