"""The background work of one worker, and how it continues when a dependency is unreachable."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import ValidationHarness, open_harness, record
from newel.runtime.background import Failure
from newel.runtime.database.contract import Statement, Write
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.maintenance import keep_trying


@asynccontextmanager
async def at_work(harness: ValidationHarness) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        working = group.create_task(harness.parts.maintenance.run())
        yield
        working.cancel()


async def eventually(harness: ValidationHarness, path: str, status: int) -> None:
    async with asyncio.timeout(10):
        while (await harness.get(path)).status != status:
            await asyncio.sleep(0.02)


async def test_it_compares_then_publishes(each_harness: ValidationHarness) -> None:
    certificate = each_harness.ca.leaf(0x7001)
    each_harness.lists.records = [record(certificate, each_harness.ca.id)]
    async with at_work(each_harness):
        await eventually(each_harness, f"/crl/{each_harness.ca.id}.crl", 200)
    assert (await each_harness.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_a_signer_that_comes_back_is_used_at_the_next_turn(
    harness: ValidationHarness,
) -> None:
    harness.signer.away = True
    async with at_work(harness):
        await asyncio.sleep(0.1)
        harness.signer.away = False
        await eventually(harness, "/crl", 200)


async def test_unknown_is_only_said_after_certificates_were_compared(
    harness: ValidationHarness,
) -> None:
    harness.moved.advance(dt.timedelta(hours=5))
    certificate = harness.ca.leaf(0x7001)
    harness.lists.records = [record(certificate, harness.ca.id)]
    await harness.parts.maintenance.compare()
    await harness.parts.changes.poll()
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_certificates_are_compared_less_often_than_revocations(
    harness: ValidationHarness,
) -> None:
    await harness.parts.maintenance.compare()
    certificate = harness.ca.leaf(0x7001)
    harness.lists.records = [record(certificate, harness.ca.id)]
    await harness.parts.maintenance.compare()
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.UNKNOWN
    harness.moved.advance(dt.timedelta(minutes=5))
    await harness.parts.maintenance.compare()
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_what_was_swept_long_after_its_end_is_unknown_and_never_good(
    each_harness: ValidationHarness,
) -> None:
    """Revoked or not: a certificate without a record has no status."""
    certificates = [await each_harness.issue(serial) for serial in (0x7001, 0x7002)]
    await each_harness.revoke(0x7002)
    for days in (7, 2):  # the certificates are valid for a day, and kept for seven
        for certificate in certificates:
            said = (await each_harness.status(certificate)).certificate_status
            assert said != OCSPCertStatus.UNKNOWN
        each_harness.moved.advance(dt.timedelta(days=days))
        await each_harness.parts.maintenance.compare()
        await each_harness.parts.maintenance.sweep()
        await each_harness.parts.changes.poll()
    each_harness.moved.advance(dt.timedelta(days=1))  # past what is kept in memory
    await each_harness.parts.maintenance.compare()
    await each_harness.parts.changes.poll()
    for certificate in certificates:
        said = (await each_harness.status(certificate)).certificate_status
        assert said == OCSPCertStatus.UNKNOWN


async def test_a_failure_is_logged_once_and_only_for_what_may_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes: list[Exception | None] = [
        NewelError(ErrorType.UNAVAILABLE, "away", cause="the socket is closed"),
        NewelError(ErrorType.UNAVAILABLE, "away"),
        None,
        ValueError("a programming error"),
    ]

    async def work() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    attempt = keep_trying("looking", work)
    with caplog.at_level(logging.INFO, "newel.validation.maintenance"):
        assert [await attempt() for _ in range(3)] == [Failure.REPORTED, Failure.REPORTED, None]
    assert caplog.messages == [
        "looking failed, and will be tried again: the socket is closed",
        "looking works again",
    ]
    with pytest.raises(ValueError, match="programming error"):
        await attempt()


@pytest.mark.attack("X09")
async def test_a_restored_database_empties_the_memory(harness: ValidationHarness) -> None:
    """Fewer changes than were seen before: nothing in memory can be trusted to be newer."""
    other = await open_harness(harness.folder / "other", harness.url, beside=harness)
    certificate = await harness.issue(0x7001)
    await harness.revoke(0x7002)
    await other.parts.changes.poll()
    await other.status(certificate)
    await harness.database.apply(
        Write(Statement("UPDATE counters SET value = 0 WHERE name = $1"), ("change",)),
        Write(Statement("DELETE FROM certificate_status WHERE issuer = $1"), (harness.ca.id,)),
    )
    await other.parts.changes.poll()
    assert (await other.status(certificate)).certificate_status == OCSPCertStatus.UNKNOWN
    await other.close()
