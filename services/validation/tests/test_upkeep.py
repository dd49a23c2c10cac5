"""What one worker does for all, and how it goes on when something is away."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import House, open_house, record
from newel.runtime.database.contract import Statement, Write
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.upkeep import patient


@asynccontextmanager
async def at_work(house: House) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        working = group.create_task(house.parts.upkeep.run())
        yield
        working.cancel()


async def eventually(house: House, path: str, status: int) -> None:
    async with asyncio.timeout(10):
        while (await house.get(path)).status != status:
            await asyncio.sleep(0.02)


async def test_it_compares_then_publishes(each_house: House) -> None:
    certificate = each_house.ca.leaf(0x7001)
    each_house.lists.records = [record(certificate, each_house.ca.id)]
    async with at_work(each_house):
        await eventually(each_house, f"/crl/{each_house.ca.id}.crl", 200)
    assert (await each_house.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_a_signer_that_comes_back_is_used_at_the_next_turn(house: House) -> None:
    house.signer.away = True
    async with at_work(house):
        await asyncio.sleep(0.1)
        house.signer.away = False
        await eventually(house, "/crl", 200)


async def test_unknown_is_only_said_after_certificates_were_compared(house: House) -> None:
    house.moved.advance(dt.timedelta(hours=5))
    certificate = house.ca.leaf(0x7001)
    house.lists.records = [record(certificate, house.ca.id)]
    await house.parts.upkeep.compare()
    await house.parts.changes.look()
    assert (await house.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_certificates_are_compared_less_often_than_revocations(house: House) -> None:
    await house.parts.upkeep.compare()
    certificate = house.ca.leaf(0x7001)
    house.lists.records = [record(certificate, house.ca.id)]
    await house.parts.upkeep.compare()
    assert (await house.status(certificate)).certificate_status == OCSPCertStatus.UNKNOWN
    house.moved.advance(dt.timedelta(minutes=5))
    await house.parts.upkeep.compare()
    assert (await house.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_what_was_swept_long_after_its_end_is_unknown_and_never_good(
    each_house: House,
) -> None:
    """Revoked or not: nobody vouches for what is on no record any more."""
    certificates = [await each_house.issue(serial) for serial in (0x7001, 0x7002)]
    await each_house.revoke(0x7002)
    for days in (7, 2):  # the certificates are valid for a day, and kept for seven
        for certificate in certificates:
            said = (await each_house.status(certificate)).certificate_status
            assert said != OCSPCertStatus.UNKNOWN
        each_house.moved.advance(dt.timedelta(days=days))
        await each_house.parts.upkeep.compare()
        await each_house.parts.upkeep.sweep()
        await each_house.parts.changes.look()
    each_house.moved.advance(dt.timedelta(days=1))  # past what is kept in memory
    await each_house.parts.upkeep.compare()
    await each_house.parts.changes.look()
    for certificate in certificates:
        said = (await each_house.status(certificate)).certificate_status
        assert said == OCSPCertStatus.UNKNOWN


async def test_patience_is_said_once_and_only_for_what_may_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes: list[Exception | None] = [
        NewelError(ErrorType.UNAVAILABLE, "away", cause="the socket is closed"),
        NewelError(ErrorType.UNAVAILABLE, "away"),
        None,
        ValueError("a fault of ours"),
    ]

    async def work() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    attempt = patient("looking", work)
    with caplog.at_level(logging.INFO, "newel.validation.upkeep"):
        for _ in range(3):
            await attempt()
    assert caplog.messages == [
        "looking failed, and will be tried again: the socket is closed",
        "looking works again",
    ]
    with pytest.raises(ValueError, match="fault of ours"):
        await attempt()


@pytest.mark.attack("X09")
async def test_a_restored_database_empties_the_memory(house: House) -> None:
    """Fewer changes than were seen before: nothing in memory can be trusted to be newer."""
    other = await open_house(house.folder / "other", house.url, beside=house)
    certificate = await house.issue(0x7001)
    await house.revoke(0x7002)
    await other.parts.changes.look()
    await other.status(certificate)
    await house.database.apply(
        Write(Statement("UPDATE marks SET value = 0 WHERE name = $1"), ("change",)),
        Write(Statement("DELETE FROM certificate_status WHERE issuer = $1"), (house.ca.id,)),
    )
    await other.parts.changes.look()
    assert (await other.status(certificate)).certificate_status == OCSPCertStatus.UNKNOWN
    await other.close()
