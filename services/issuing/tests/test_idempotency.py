"""One certificate for one idempotency key: in one call, in one process, in several, after a crash."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.authority import CertificateAuthority, PeerSigner
from fixtures.issuing import IssuingHarness, make_key, make_request, open_harness
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.signer.v1 import signer_pb2


class SlowSigner(PeerSigner):
    """Answers once it is let to."""

    def __init__(self, authority: CertificateAuthority) -> None:
        super().__init__(authority)
        self.gate = asyncio.Event()

    async def SignCertificate(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        await self.gate.wait()
        return await super().SignCertificate(request, context)


@pytest.fixture
def slow(authority: CertificateAuthority) -> SlowSigner:
    return SlowSigner(authority)


@pytest.fixture
async def replicas(
    authority: CertificateAuthority, slow: SlowSigner, database_url: str
) -> AsyncIterator[list[IssuingHarness]]:
    """Two processes on each database, the first with the slow signer."""
    opened = [
        await open_harness(database_url, authority, signer=slow),
        await open_harness(database_url, authority),
    ]
    yield opened
    for harness in opened:
        await harness.database.close()


async def certificates(harness: IssuingHarness) -> list[tuple[Any, ...]]:
    return await harness.rows("SELECT serial, signature FROM certificates")


async def test_same_key_twice_in_a_row(each_harness: IssuingHarness) -> None:
    request = make_request()
    first, again = await each_harness.one(request), await each_harness.one(request)
    assert first.der == again.der
    assert len(each_harness.signer.signed) == 1


async def test_same_key_twice_in_one_call(each_harness: IssuingHarness) -> None:
    request = make_request()
    first, again = await each_harness.issue(request, request)
    assert first.certificate.der == again.certificate.der != b""
    assert len(each_harness.signer.signed) == 1


@pytest.mark.attack("A10")
async def test_fifty_at_once_are_one_certificate(each_harness: IssuingHarness) -> None:
    request = make_request()
    results = await asyncio.gather(*[each_harness.issue(request) for _ in range(50)])
    assert len({result.certificate.der for (result,) in results}) == 1
    assert len(await certificates(each_harness)) == 1
    assert len(each_harness.signer.signed) == 1


async def test_fifty_at_once_over_two_processes(
    authority: CertificateAuthority, database_url: str
) -> None:
    """Replicas have no memory in common: the database alone decides."""
    harnesses = [await open_harness(database_url, authority) for _ in range(2)]
    request = make_request()
    results = await asyncio.gather(*[harnesses[i % 2].issue(request) for i in range(50)])
    assert len({result.certificate.der for (result,) in results}) == 1
    assert len(await certificates(harnesses[0])) == 1
    assert len(await harnesses[0].rows("SELECT 1 FROM outbox")) == 1
    for harness in harnesses:
        await harness.database.close()


@pytest.mark.attack("T06")
async def test_a_key_never_serves_two_public_keys(each_harness: IssuingHarness) -> None:
    """Who guesses another's idempotency key gets nothing of theirs."""
    requests = [make_request(key=b"the same key") for _ in range(50)]
    results = [result for (result,) in await asyncio.gather(*map(each_harness.issue, requests))]
    won = [result for result in results if result.HasField("certificate")]
    lost = {result.error.type for result in results if result.HasField("error")}
    assert len(won) == 1
    assert lost == {"conflict"}
    assert len(await certificates(each_harness)) == 1


async def test_known_key_outlives_its_reasons(each_harness: IssuingHarness) -> None:
    """A retry is answered with the certificate even where the request would be refused today."""
    request = make_request()
    first = await each_harness.one(request)
    item = pb.RevocationItem(serial=first.serial, reason=1, active=True, actor="test")
    await each_harness.revoke(item)
    assert (await each_harness.one(request)).der == first.der
    request.profile = "no such profile"
    assert (await each_harness.one(request)).der == first.der


async def test_work_of_a_live_replica_is_waited_for(
    slow: SlowSigner, replicas: list[IssuingHarness]
) -> None:
    first, second = replicas
    request = make_request()
    early = asyncio.create_task(first.one(request))  # noqa: TID251 - a test may
    while not await certificates(second):
        await asyncio.sleep(0.01)
    late = asyncio.create_task(second.one(request))  # noqa: TID251 - a test may
    await asyncio.sleep(0.1)
    assert not late.done()
    slow.gate.set()
    assert (await early).der == (await late).der
    assert not second.signer.signed


@pytest.mark.attack("X04")
async def test_intent_of_a_dead_replica_is_taken_over(
    slow: SlowSigner, replicas: list[IssuingHarness]
) -> None:
    """The same TBSCertificate is signed; should the dead one awake, its signature is not stored."""
    first, second = replicas
    request = make_request()
    early = asyncio.create_task(first.one(request))  # noqa: TID251 - a test may
    while not (rows := await second.rows("SELECT tbs FROM certificates")):
        await asyncio.sleep(0.01)
    second.clock.advance(dt.timedelta(seconds=3))
    late = await second.one(request)
    assert second.signer.signed == [rows[0][0]]
    slow.gate.set()
    assert (await early).der == late.der
    assert len(await certificates(second)) == 1
    assert len(await second.rows("SELECT 1 FROM outbox")) == 1


async def test_a_cancelled_call_leaves_no_waiter_behind(
    authority: CertificateAuthority, slow: SlowSigner, tmp_path: Path
) -> None:
    harness = await open_harness(f"sqlite:///{tmp_path / 'c.db'}", authority, signer=slow)
    request = make_request(public_key=make_key())
    early = asyncio.create_task(harness.issue(request))  # noqa: TID251 - a test may
    while not await certificates(harness):
        await asyncio.sleep(0.01)
    waiting = asyncio.create_task(harness.issue(request))  # noqa: TID251 - a test may
    await asyncio.sleep(0.02)
    early.cancel()
    (result,) = await waiting
    assert result.error.type == "unavailable"
    slow.gate.set()
    harness.clock.advance(dt.timedelta(seconds=3))
    assert (await harness.one(request)).der
    await harness.database.close()
