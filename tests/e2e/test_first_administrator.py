"""After the first start the lists open on the authority's machine, without a setting and without a flag."""

import datetime as dt
import json
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from deploy.split import first_administrator
from deploy.split.layout import Layout

from fixtures.catalogue import make_leaf
from fixtures.processes import free_block, free_port
from fixtures.running import NEWEL, Authority, serve_newel, wait_until
from fixtures.split import PROGRAMS, SPLIT_BLOCK, split_serving, split_state
from newel.crypto import pem
from newel.inventory.config import Expiry
from newel.runtime.clock import SystemClock

LISTS = (("certificates", "list"), ("endpoints", "list"), ("alerts", "list"))
pytestmark = pytest.mark.needs("faketime")
SHAPES = ["up", pytest.param("split", marks=pytest.mark.needs(*PROGRAMS))]


def newel(authority: Authority, *words: str | Path, status: int = 0, later: str = "+0") -> str:
    """The command line, with nothing but the state folder as its STEPPATH; stdout, else stderr.

    Its clock, and not the authority's, is as much ``later``.
    """
    done = subprocess.run(
        ["faketime", "-f", later, NEWEL, *map(str, words)],
        env={**os.environ, "STEPPATH": str(authority.state)}, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL, start_new_session=True, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status else done.stdout


def serial_of(authority: Authority) -> str:
    certificate = authority.state / "certs/administrator.crt"
    shown = json.loads(newel(authority, "certificate", "inspect", "--format", "json", certificate))
    return f"{int(shown['serial_number']):036x}"


@pytest.fixture(scope="module", params=SHAPES)
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Authority]:
    if request.param == "up":
        with serve_newel(tmp_path_factory.mktemp("up") / "state", free_port(), free_port()) as (
            one,
            _,
        ):
            yield one
        return
    first = free_block(SPLIT_BLOCK)
    with split_state() as state, split_serving(state, (first, first + 1, first + 2)) as (one, _):
        yield one


def test_the_lists_open_at_once(authority: Authority) -> None:
    assert (authority.state / "secrets/administrator_key").stat().st_mode & 0o777 == 0o600
    for words in LISTS:
        newel(authority, *words)
    serial = serial_of(authority)
    wait_until(lambda: serial in newel(authority, "certificates", "list"))
    shown = newel(authority, "certificates", "show", serial)
    assert f"{int(serial, 16)}" in shown


def test_the_first_administrator_is_named_in_the_audit(authority: Authority) -> None:
    newel(authority, "endpoints", "list")
    serial = serial_of(authority)

    def read() -> bool:
        lines = [line for line in authority.audit() if line["event"] == "inventory.http"]
        return any(line.get("serial") == serial for line in lines)

    wait_until(read)


def test_the_command_line_renews_the_certificate_when_it_is_due(authority: Authority) -> None:
    before = serial_of(authority)
    newel(authority, "endpoints", "list", later="+15h")
    assert serial_of(authority) == before
    newel(authority, "endpoints", "list", later="+17h")
    after = serial_of(authority)
    assert after != before
    wait_until(lambda: after in newel(authority, "certificates", "list"))
    shown = json.loads(newel(authority, "certificates", "show", after, "--output", "json"))
    assert shown["endpoint"] == f"c-{before}"


def test_a_revoked_certificate_opens_nothing(authority: Authority) -> None:
    serial = serial_of(authority)
    newel(
        authority, "revoke", "--serial", serial, "--provisioner", "admin", "--password-file",
        authority.password_file,
    )  # fmt: skip # a command line

    def is_refused() -> bool:
        said = newel(authority, "certificates", "list", status=1)
        return "is not an administrator's" in said

    wait_until(is_refused)


def test_an_expired_certificate_says_how_to_get_another(authority: Authority) -> None:
    certificate = authority.state / "certs/administrator.crt"
    said = newel(authority, "certificates", "list", status=1, later="+25h")
    assert f"the administrator's certificate {certificate} expired on " in said
    line = next(line for line in said.splitlines() if "Get another" in line)
    words = line.partition(": newel ")[2].split()
    newel(authority, *words, "--password-file", authority.password_file)
    wait_until(lambda: serial_of(authority) in newel(authority, "certificates", "list"))


@pytest.mark.parametrize("authority", SHAPES[1:], indirect=True)
def test_the_split_deployment_renews_what_nobody_uses_before_anybody_is_alerted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = authority.state / "certs/administrator.crt"
    assert not first_administrator.is_due(certificate), "it is new"
    assert Expiry().fraction > first_administrator.RENEW_AFTER
    monkeypatch.setattr(first_administrator, "RENEW_AFTER", 0.0)
    before = serial_of(authority)
    keeper = first_administrator.Keeper(Layout(authority.state), looked=float("-inf"))
    keeper.look()
    wait_until(lambda: serial_of(authority) != before)


def test_what_has_expired_or_is_no_certificate_is_not_renewed(tmp_path: Path) -> None:
    file = tmp_path / "administrator.crt"
    assert not first_administrator.is_due(file)
    file.write_text("no certificate")
    assert not first_administrator.is_due(file)
    now = SystemClock().now()
    for hours, due in ((1, False), (16, False), (17, True), (23, True), (25, False)):
        file.write_bytes(pem.encode(make_leaf("a.example", start=now - dt.timedelta(hours=hours))))
        assert first_administrator.is_due(file) == due, f"{hours} of 24 hours"
