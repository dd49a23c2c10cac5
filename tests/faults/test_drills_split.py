"""The split shape: PostgreSQL, NATS, the signer taken away, services killed, a disk full, a clock a day off."""

import datetime as dt
import os
import signal
import urllib.request
from collections.abc import Generator
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
from fixtures.running import wait_until
from fixtures.split import PROGRAMS, SPLIT_BLOCK, Split, split_serving, split_state

pytestmark = pytest.mark.needs("step", "openssl", "curl", *PROGRAMS)

WORKERS = ("--workers", "2")
WITH_DATABASE = ("issuing", "registration", "validation", "inventory", "alerting")
DAY = dt.timedelta(days=1)
Ports = tuple[int, int, int]


def free_ports() -> Ports:
    first = free_block(SPLIT_BLOCK)
    return first, first + 1, first + 2


@pytest.fixture(scope="module")
def shared_split() -> Generator[Split]:
    with split_state() as state, split_serving(state, free_ports(), *WORKERS) as (running, _):
        yield running


def is_alive(split: Split, service: str) -> bool:
    with urllib.request.urlopen(f"{split.health(service)}/livez", timeout=5) as answer:  # noqa: S310 - http
        return answer.status == 200


def reaches_all(split: Split, service: str) -> bool:
    """Whether a service reaches its peers; raises AssertionError that names those it does not."""
    answer = ask_ready(split.health(service))[1]
    assert "unreachable" not in answer, f"{service}: {answer}"
    return True


def test_without_postgresql_every_service_says_so_and_a_revocation_is_not_called_unknown(
    shared_split: Split, tmp_path: Path
) -> None:
    path = obtain_certificate(shared_split, tmp_path, "a")
    pids = {service: shared_split.pid(service) for service in WITH_DATABASE}
    begun = len(shared_split.logs())
    with shared_split.without("postgres"):
        for service in WITH_DATABASE:
            wait_until(lambda service=service: ask_ready(shared_split.health(service))[0] == 503)
            assert "database" in ask_ready(shared_split.health(service))[1]["missing"]
            assert is_alive(shared_split, service)
        assert ask_ready(shared_split.health("signer"))[0] == 200
        refused = revoke(shared_split, path)
        assert refused.returncode != 0
        assert "not found" not in refused.stderr.lower()
        assert issue(shared_split, tmp_path, "refused").returncode != 0
    for service in WITH_DATABASE:
        wait_until(lambda service=service: ask_ready(shared_split.health(service))[0] == 200)
    wait_until(lambda: revoke(shared_split, path).returncode == 0)
    wait_until(lambda: shared_split.ocsp(path) == "revoked")
    assert {service: shared_split.pid(service) for service in WITH_DATABASE} == pids
    assert tracebacks(shared_split.logs()[begun:]) == []


@pytest.mark.parametrize(
    ("part", "askers"),
    [
        ("signer", ("issuing", "validation")),
        ("nats", ("issuing", "validation", "inventory", "alerting")),
    ],
)
def test_an_absent_peer_is_named_and_makes_nothing_unready(
    shared_split: Split, part: str, askers: tuple[str, ...]
) -> None:
    begun = len(shared_split.logs())
    with shared_split.without(part):
        for service in askers:
            wait_until(
                lambda service=service: (
                    part in ask_ready(shared_split.health(service))[1].get("unreachable", {})
                )
            )
            assert ask_ready(shared_split.health(service))[0] == 200
    for service in askers:
        wait_until(lambda service=service: reaches_all(shared_split, service))
    assert tracebacks(shared_split.logs()[begun:]) == []


@pytest.mark.attack("X04")
def test_what_was_handed_out_is_on_record_however_often_services_are_killed(
    shared_split: Split, tmp_path: Path
) -> None:
    received: list[Path] = []

    def is_handed_out(name: str) -> bool:
        if issue(shared_split, tmp_path, name).returncode != 0:
            return False
        received.append(tmp_path / f"{name}.crt")
        return True

    for number in range(9):
        if number % 3 == 1:
            parent = shared_split.pid(("issuing", "registration", "signer")[number // 3])
            for pid in children(parent) or [parent]:
                os.kill(pid, signal.SIGKILL)
            is_handed_out(f"n{number}")
        else:  # a service that is ready again is called again only when its callers' back-off is over
            wait_until(lambda number=number: is_handed_out(f"n{number}"), seconds=60)
    for path in received:
        wait_until(lambda path=path: shared_split.ocsp(path) == "good", seconds=60)


@pytest.mark.attack("X12")
@pytest.mark.needs("private-mounts")
def test_on_a_full_disk_of_trails_nothing_is_issued_and_revocations_go_on(tmp_path: Path) -> None:
    with split_state() as state:
        ports = free_ports()
        (state / "log").mkdir(parents=True)
        mounted = with_mounts((state / "log", 4 * 1024 * 1024))
        with split_serving(state, ports, *WORKERS, prefix=mounted) as (split, process):
            disk = Disk(process.pid, state / "log")
            path = obtain_certificate(split, tmp_path, "before")
            disk.fill()

            def is_refused() -> bool:
                return issue(split, tmp_path, "refused").returncode != 0

            wait_until(lambda: all(is_refused() for _ in range(4)), seconds=60)
            wait_until(
                lambda: (
                    "audit trail" in ask_ready(split.health("registration"))[1].get("missing", {})
                ),
            )
            assert revoke(split, path).returncode == 0
            wait_until(lambda: split.ocsp(path) == "revoked", seconds=60)
            disk.empty()
            wait_until(lambda: not any(is_refused() for _ in range(4)), seconds=60)
            wait_until(lambda: ask_ready(split.health("registration"))[0] == 200)


@pytest.mark.attack("X09")
@pytest.mark.needs("faketime")
def test_a_clock_a_day_ahead_and_a_crash_hold_up_nothing_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = dt.datetime.now(dt.UTC) + DAY / 2  # noqa: TID251 - the machine's own
    with split_state() as state:
        ports = free_ports()
        clock_file = state.parent / "clock"
        clock = FakeClock(clock_file)
        clock.set("+0")
        clock_file.chmod(0o644)
        for name, value in clock.environment.items():
            monkeypatch.setenv(name, value)
        with split_serving(state, ports, *WORKERS) as (split, process):
            path = obtain_certificate(split, tmp_path, "a")
            clock.set("+1d")
            wait_until(lambda: crl(split).last_update_utc > noon, seconds=120)
            parts = [int(part.read_text()) for part in (state / "run").glob("*")]
            kill_all(process.pid, *parts)
            process.wait()
            wait_until(lambda: not [pid for pid in parts if Path(f"/proc/{pid}").exists()])
        clock.set("+0")
        with split_serving(state, ports, *WORKERS) as (split, _):
            wait_until(lambda: revoke(split, path).returncode == 0, seconds=60)

            def is_listed() -> bool:
                served = crl(split)
                listed = {each.serial_number for each in served}
                return served.last_update_utc < noon and serial(path) in listed

            wait_until(is_listed, seconds=90)
            assert split.ocsp(path) == "revoked"
            wait_until(lambda: ask_ready(split.health("validation"))[0] == 200)


@pytest.mark.attack("X09")
@pytest.mark.needs("faketime")
def test_a_clock_put_back_by_a_day_heals_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = dt.datetime.now(dt.UTC) + DAY / 2  # noqa: TID251 - the machine's own
    with split_state() as state:
        clock = FakeClock(state.parent / "clock")
        clock.set("+0")
        clock.file.chmod(0o644)
        for name, value in clock.environment.items():
            monkeypatch.setenv(name, value)
        with split_serving(state, free_ports(), *WORKERS) as (split, _):
            pids = {service: split.pid(service) for service in WITH_DATABASE}
            clock.set("+1d")
            wait_until(lambda: all(crl(split).last_update_utc > noon for _ in range(8)), seconds=90)
            clock.set("+0")
            wait_until(lambda: all(crl(split).last_update_utc < noon for _ in range(8)), seconds=90)
            path = tmp_path / "a.crt"
            wait_until(lambda: issue(split, tmp_path, "a").returncode == 0, seconds=90)
            wait_until(lambda: split.ocsp(path) == "good", seconds=60)
            wait_until(lambda: revoke(split, path).returncode == 0, seconds=60)
            wait_until(lambda: split.ocsp(path) == "revoked", seconds=60)
            for service in WITH_DATABASE:
                wait_until(lambda service=service: ask_ready(split.health(service))[0] == 200)
            assert {service: split.pid(service) for service in WITH_DATABASE} == pids
