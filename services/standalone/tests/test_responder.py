"""The OCSP responder's certificate is issued again while the authority runs, and the old one serves until then."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from newel.runtime.clock import ManualClock
from newel.standalone.app import Standalone, build
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse
from newel.standalone.settings import read_settings

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    create(made, parse(["--state", str(made.state)]), NOW)
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def authority(layout: Layout, clock: ManualClock) -> AsyncIterator[Standalone]:
    built = await build(read_settings(layout), clock, None, shared=False)
    yield built
    for service in reversed(built.services):
        for hook in service.stop:
            await hook()
    built.audit_sink.close()


def responder(layout: Layout) -> x509.Certificate:
    return x509.load_pem_x509_certificates(layout.responder_certificate.read_bytes())[0]


def read_audit(built: Standalone, layout: Layout) -> list[Mapping[str, Any]]:
    built.audit_sink.flush()
    lines = map(json.loads, layout.audit.read_text().splitlines())
    return [line for line in lines if line["event"] == "responder.certificate"]


async def at_work(built: Standalone, until: Callable[[], object]) -> None:
    """Runs the upkeep as the process does, until there is something to see or it fails."""
    (service,) = [each for each in built.services if each.name == "standalone"]
    task = asyncio.ensure_future(service.tasks["responder"]())  # noqa: TID251 - the process's part
    try:
        async with asyncio.timeout(10):
            while not until() and not task.done():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("day", "again"), [(19, False), (20.1, True), (29.9, True), (40, True)])
async def test_it_is_issued_again_after_two_thirds_of_its_life(
    authority: Standalone, layout: Layout, clock: ManualClock, day: float, again: bool
) -> None:
    first = responder(layout)
    clock.advance(dt.timedelta(days=day))
    if not again:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(at_work(authority, lambda: read_audit(authority, layout)), 0.5)
        assert responder(layout) == first
        return
    await at_work(authority, lambda: read_audit(authority, layout))
    second = responder(layout)
    assert second.public_key() == first.public_key()
    issuer = x509.load_pem_x509_certificates(layout.intermediate_certificate.read_bytes())[0]
    second.verify_directly_issued_by(issuer)
    assert second.not_valid_after_utc - clock.now() > dt.timedelta(days=29, hours=23)
    (line,) = read_audit(authority, layout)
    assert (line["outcome"], line["service"]) == ("reissued", "standalone")
    assert line["serial"] == f"{second.serial_number:x}"


async def test_what_stands_in_its_way_is_audited_and_the_old_one_stays(
    authority: Standalone, layout: Layout, clock: ManualClock
) -> None:
    first = responder(layout)
    clock.advance(dt.timedelta(days=25))
    layout.password.write_text("not the password")
    await at_work(authority, lambda: read_audit(authority, layout))
    (line,) = read_audit(authority, layout)
    assert line["outcome"] == "refused"
    assert "password" in line["cause"]
    assert responder(layout) == first
