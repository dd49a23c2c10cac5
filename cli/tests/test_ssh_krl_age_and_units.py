"""What keeps a host's key revocation list: how old it is, and the units of systemd."""

import datetime as dt
import os
import subprocess
from pathlib import Path

import pytest

from fixtures.running import NEWEL
from newel.cli.errors import CliError
from newel.cli.operations.ssh.revocation_age import ListAge
from newel.cli.operations.ssh.revocation_units import SERVICE, TIMER
from newel.crypto.ssh import krl

MADE = 1_700_000_000
LIMIT = dt.timedelta(hours=3)


def moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(MADE + seconds, dt.UTC)


def test_a_list_is_warned_of_past_its_age_and_when_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "revoked_keys"
    age = ListAge(file, LIMIT)
    assert "sshd refuses every key" in age.look(moment(0))
    file.write_bytes(krl.encode(7, MADE, {}))
    assert age.look(moment(3 * 3600)) == ""
    assert "is of 2023-11-14 22:13:20 UTC" in age.look(moment(3 * 3600 + 1))
    file.write_bytes(krl.encode(8, MADE + 60, {}))
    assert age.look(moment(3 * 3600 + 1)) == ""
    file.write_bytes(b"")
    assert "there is no list" in age.look(moment(0))


def test_the_metrics_say_which_list_it_is_and_when_it_was_confirmed(tmp_path: Path) -> None:
    file, metrics = tmp_path / "revoked_keys", tmp_path / "krl.prom"
    age = ListAge(file, LIMIT, metrics)
    age.look(moment(0))
    assert "newel_ssh_krl_version 0\n" in metrics.read_text()
    file.write_bytes(krl.encode(7, MADE, {}))
    age.confirm(moment(100))
    age.look(moment(100))
    lines = metrics.read_text().splitlines()
    values = dict(line.split() for line in lines if not line.startswith("#"))
    assert values == {
        "newel_ssh_krl_version": "7",
        "newel_ssh_krl_made_seconds": str(MADE),
        "newel_ssh_krl_confirmed_seconds": str((MADE + 100) // 60 * 60),
    }
    metrics.unlink()
    age.look(moment(110))
    assert not metrics.exists(), "nothing has changed"


def newel(folder: Path, *words: str, status: int = 0) -> str:
    done = subprocess.run(
        [NEWEL, *words], cwd=folder, env={**os.environ, "STEPPATH": str(folder / "step")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == status, done.stderr
    return done.stderr


def make(folder: Path, *words: str) -> dict[str, str]:
    units = folder / "units"
    units.mkdir()
    file = str(folder / 'revoked "%i" $keys')
    newel(folder, "ssh", "krl", "--install", file, "--units", "units", *words)
    return {each.name: each.read_text() for each in units.iterdir()}


def test_the_units_are_a_service_and_its_timer_or_a_service_that_stays(
    tmp_path: Path,
) -> None:
    units = make(tmp_path, "--ca-url", "https://ca.example", "--max-age", "2h", "--metrics", "m")
    assert set(units) == {SERVICE, TIMER}
    service = units[SERVICE]
    assert "Type=oneshot" in service
    assert '/revoked \\"%%i\\" $$keys"' in service
    assert '"--max-age" "2h"' in service
    assert f'"--metrics" "{tmp_path}/m"' in service
    assert '"--ca-url" "https://ca.example"' in service
    assert "[Install]" not in service
    again = ["ssh", "krl", "--install", "x", "--units", "units", "--daemon", "--force"]
    assert f"enable --now {SERVICE}" in newel(tmp_path, *again)
    staying = (tmp_path / "units" / SERVICE).read_text()
    assert "Restart=always" in staying
    assert "[Install]" in staying
    assert '"--daemon"' in staying


@pytest.mark.parametrize(
    "words", [["--units", "."], ["--metrics", "m"], ["--install", "x", "--max-age", "soon"]]
)
def test_what_goes_with_no_file_and_a_bad_age_are_refused(tmp_path: Path, words: list[str]) -> None:
    assert words[-2] in newel(tmp_path, "ssh", "krl", *words, status=1)


@pytest.mark.needs("systemd-analyze")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    make(tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", TIMER, SERVICE],
        cwd=tmp_path / "units", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    assert "newel-ssh-krl" not in done.stderr


def test_a_list_that_cannot_be_read_is_not_called_missing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CliError, match=r"error reading .*: Not a directory"):
        ListAge(file / "revoked_keys", LIMIT).look(moment(0))
