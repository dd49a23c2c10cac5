"""`newel up` with two workers: killed, out of disk, its clock a day off, its database gone."""

import datetime as dt
import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from fixtures.drills import (
    Disk,
    FakeClock,
    ask_ready,
    children,
    crl,
    issue,
    kill_all,
    obtain_certificate,
    revoke,
    serial,
    tracebacks,
    with_mounts,
)
from fixtures.processes import free_block
from fixtures.running import NEWEL, serve_newel, wait_until

pytestmark = pytest.mark.needs("step", "openssl")

WORKERS = ("--workers", "2")
DAY = dt.timedelta(days=1)


@pytest.fixture
def ports() -> tuple[int, int]:
    first = free_block(4)
    return first, first + 1


@pytest.fixture
def state(tmp_path: Path, ports: tuple[int, int]) -> Path:
    """An authority that was served before."""
    with serve_newel(tmp_path / "state", *ports):
        pass
    return tmp_path / "state"


@pytest.mark.attack("X04")
def test_what_was_handed_out_is_on_record_however_often_workers_are_killed(
    state: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    received: list[Path] = []
    with serve_newel(state, *ports, *WORKERS) as (authority, process):
        for number in range(12):
            if number % 3 == 1:
                os.kill(children(process.pid)[number % 2], signal.SIGKILL)
            wait_until(lambda: authority.get("/health"))
            done = issue(authority, tmp_path, f"n{number}")
            if done.returncode == 0:
                received.append(tmp_path / f"n{number}.crt")
        kill_all(process.pid)
        process.wait()
    with serve_newel(state, *ports, *WORKERS) as (authority, _):
        assert len(received) >= 6
        for path in received:  # what was killed before it told the responder tells it now
            wait_until(lambda path=path: authority.ocsp(path) == "good")
        assert revoke(authority, received[0]).returncode == 0
        wait_until(lambda: authority.ocsp(received[0]) == "revoked")


@pytest.mark.attack("X12")
@pytest.mark.needs("private-mounts")
def test_on_a_full_audit_disk_nothing_is_issued_and_nothing_is_lost(
    state: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    mounted = with_mounts((state / "log", 256 * 1024))
    with serve_newel(state, *ports, *WORKERS, prefix=mounted) as (authority, process):
        disk = Disk(process.pid, state / "log")
        granted = [obtain_certificate(authority, tmp_path, "before")]
        disk.fill()

        def is_refused() -> bool:
            name = f"n{len(granted)}"
            done = issue(authority, tmp_path, name)
            if done.returncode == 0:
                granted.append(tmp_path / f"{name}.crt")
            return done.returncode != 0

        wait_until(lambda: all(is_refused() for _ in range(4)), seconds=60)
        wait_until(lambda: "audit trail" in ask_ready(authority.http_url)[1].get("missing", {}))
        assert revoke(authority, granted[0]).returncode == 0
        wait_until(lambda: authority.ocsp(granted[0]) == "revoked")
        disk.empty()
        wait_until(lambda: not any(is_refused() for _ in range(4)), seconds=60)
        wait_until(lambda: ask_ready(authority.http_url)[0] == 200)
        trail = (disk.path_inside / "audit.log").read_text()
    for path in granted:
        assert f'"serial":"{serial(path):x}"' in trail or f"{serial(path):x}" in trail
    assert tracebacks(authority.logs()) == []


@pytest.mark.attack("X12")
@pytest.mark.needs("private-mounts")
def test_on_a_full_database_disk_it_is_not_ready_and_recovers_alone(
    state: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    mounted = with_mounts((state / "db", 24 * 1024 * 1024))
    with serve_newel(state, *ports, *WORKERS, prefix=mounted) as (authority, process):
        before = obtain_certificate(authority, tmp_path, "before")
        disk = Disk(process.pid, state / "db")
        disk.fill()
        wait_until(lambda: issue(authority, tmp_path, "refused").returncode != 0, seconds=60)
        wait_until(lambda: ask_ready(authority.http_url)[0] == 503, seconds=60)
        assert any("database" in part for part in ask_ready(authority.http_url)[1]["missing"])
        assert authority.ocsp(before) == "good"
        disk.empty()
        wait_until(lambda: ask_ready(authority.http_url)[0] == 200, seconds=60)
        wait_until(lambda: issue(authority, tmp_path, "after").returncode == 0, seconds=60)
        wait_until(lambda: authority.ocsp(tmp_path / "after.crt") == "good")
        assert len(children(process.pid)) == 2


@pytest.mark.attack("X09")
@pytest.mark.needs("faketime")
def test_a_clock_a_day_ahead_and_a_crash_hold_up_nothing_afterwards(
    state: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    clock = FakeClock(tmp_path / "clock")
    clock.set("+0")
    noon = dt.datetime.now(dt.UTC) + DAY / 2  # noqa: TID251 - the machine's own
    with serve_newel(state, *ports, *WORKERS, env=clock.environment) as (authority, process):
        path = obtain_certificate(authority, tmp_path, "a")
        clock.set("+1d")
        wait_until(lambda: crl(authority).last_update_utc > noon, seconds=90)
        kill_all(process.pid)  # its leases are held until the day after
        process.wait()
    clock.set("+0")
    with serve_newel(state, *ports, *WORKERS, env=clock.environment) as (authority, _):
        assert revoke(authority, path).returncode == 0

        def is_listed() -> bool:
            served = crl(authority)
            listed = {each.serial_number for each in served}
            return served.last_update_utc < noon and serial(path) in listed

        wait_until(is_listed, seconds=60)
        assert authority.ocsp(path) == "revoked"
        wait_until(lambda: ask_ready(authority.http_url)[0] == 200)
        other = obtain_certificate(authority, tmp_path, "b")
        wait_until(lambda: authority.ocsp(other) == "good")


@pytest.mark.attack("X09")
@pytest.mark.needs("faketime")
def test_a_clock_put_back_by_a_day_heals_without_a_restart(
    state: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    clock = FakeClock(tmp_path / "clock")
    clock.set("+0")
    noon = dt.datetime.now(dt.UTC) + DAY / 2  # noqa: TID251 - the machine's own
    with serve_newel(state, *ports, *WORKERS, env=clock.environment) as (authority, _):
        clock.set("+1d")
        wait_until(lambda: all(crl(authority).last_update_utc > noon for _ in range(8)), seconds=90)
        clock.set("+0")
        wait_until(lambda: all(crl(authority).last_update_utc < noon for _ in range(8)), seconds=90)
        wait_until(lambda: issue(authority, tmp_path, "a").returncode == 0, seconds=90)
        wait_until(lambda: authority.ocsp(tmp_path / "a.crt") == "good", seconds=60)
        # every worker has its server certificate of today within a quarter of a minute
        wait_until(lambda: revoke(authority, tmp_path / "a.crt").returncode == 0, seconds=60)
        wait_until(lambda: authority.ocsp(tmp_path / "a.crt") == "revoked")
        wait_until(lambda: ask_ready(authority.http_url)[0] == 200)


def test_a_database_that_vanishes_takes_nothing_more_and_is_not_made_again(
    state: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    file, kept = state / "db/issuing.sqlite", tmp_path / "kept.sqlite"
    with serve_newel(state, *ports, *WORKERS) as (authority, _):
        path = obtain_certificate(authority, tmp_path, "a")
        with sqlite3.connect(file) as source, sqlite3.connect(kept) as copy:
            source.backup(copy)
        source.close()
        copy.close()
        for part in file.parent.glob("issuing.sqlite*"):
            part.unlink()
        wait_until(lambda: issue(authority, tmp_path, "refused").returncode != 0)
        wait_until(
            lambda: "issuing database" in ask_ready(authority.http_url)[1].get("missing", {})
        )
        assert tracebacks(authority.logs()) == []
    done = subprocess.run(
        [NEWEL, "up", "--state", state, *WORKERS],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 1
    assert f"{file} has no database" in done.stderr.splitlines()[-1]
    shutil.copyfile(kept, file)
    with serve_newel(state, *ports, *WORKERS) as (authority, _):
        assert revoke(authority, path).returncode == 0
        wait_until(lambda: authority.ocsp(path) == "revoked")
