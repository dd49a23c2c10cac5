"""The record, read only: issuers, look-ups, and the walk through everything issued."""

import asyncio
import datetime as dt
from typing import Any

import grpc
import grpc.aio
import pytest

from fixtures.authority import CertificateAuthority, PeerSigner
from fixtures.issuing import IssuingHarness, make_request, open_harness
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.signer.v1 import signer_pb2


async def list_issued(harness: IssuingHarness, after: int = 0) -> list[pb.Record]:
    pages = harness.repository.ListIssued(pb.ListRequest(after=after, page=2))
    return [each async for page in pages for each in page.records]


async def test_issuers(harness: IssuingHarness) -> None:
    response = await harness.repository.ListIssuers(pb.ListIssuersRequest())
    (issuer,) = response.issuers
    assert issuer.id == harness.authority.id
    assert issuer.active
    assert len(issuer.chain) == 1


async def test_look_ups_answer_in_order(each_harness: IssuingHarness) -> None:
    request = make_request("a.example")
    certificate = await each_harness.one(request)
    response = await each_harness.repository.GetCertificate(
        pb.GetCertificateRequest(
            lookups=[
                pb.Lookup(serial=certificate.serial),
                pb.Lookup(serial=b"\x01"),
                pb.Lookup(idempotency_key=request.idempotency_key),
                pb.Lookup(certificate=certificate.der),
                pb.Lookup(certificate=certificate.der[:-1] + b"!"),
                pb.Lookup(),
            ]
        )
    )
    assert [record.der for record in response.records] == [
        certificate.der,
        b"",
        certificate.der,
        certificate.der,
        b"",
        b"",
    ]
    record = response.records[0]
    assert record.provisioner.name == "admin"
    assert record.subject_of_proof == "a.example"
    assert not record.HasField("revoked")


async def test_walk_through_everything_issued(each_harness: IssuingHarness) -> None:
    certificates = [await each_harness.one() for _ in range(5)]
    each_harness.clock.advance(dt.timedelta(minutes=1))
    records = await list_issued(each_harness)
    assert [record.der for record in records] == [each.der for each in certificates]
    assert await list_issued(each_harness, after=records[2].position) == records[3:]


async def test_what_was_issued_while_the_clock_ran_ahead_hides_nothing_behind_it(
    each_harness: IssuingHarness,
) -> None:
    day = dt.timedelta(days=1)
    each_harness.clock.advance(day)
    ahead = await each_harness.one()
    each_harness.clock.advance(-day)
    behind = await each_harness.one()
    each_harness.clock.advance(dt.timedelta(minutes=1))
    records = await list_issued(each_harness)
    assert [record.der for record in records] == [ahead.der, behind.der]


async def test_a_database_that_is_away_has_not_said_that_there_is_no_certificate(
    each_harness: IssuingHarness,
) -> None:
    certificate = await each_harness.one()
    await each_harness.database.close()
    lookups = (
        pb.Lookup(certificate=certificate.der),
        pb.Lookup(serial=certificate.serial),
        pb.Lookup(idempotency_key=b"request-0001"),
    )
    for lookup in lookups:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await each_harness.repository.GetCertificate(pb.GetCertificateRequest(lookups=[lookup]))
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_walk_never_passes_what_is_under_way(
    authority: CertificateAuthority, database_url: str
) -> None:
    """A record that completes late is not missed by a reader that was here before."""
    gate = asyncio.Event()

    class Slow(PeerSigner):
        async def SignCertificate(
            self, request: signer_pb2.SignRequest, context: Any
        ) -> signer_pb2.SignResponse:
            await gate.wait()
            return await super().SignCertificate(request, context)

    slow = await open_harness(database_url, authority, signer=Slow(authority))
    harness = await open_harness(database_url, authority)
    first = await harness.one()
    late = asyncio.create_task(slow.one())  # noqa: TID251 - a test may
    while len(await harness.rows("SELECT 1 FROM certificates")) < 2:
        await asyncio.sleep(0.01)
    last = await harness.one()
    harness.clock.advance(dt.timedelta(minutes=1))
    assert [record.der for record in await list_issued(harness)] == [first.der]
    gate.set()
    middle = await late
    records = await list_issued(harness)
    assert [record.der for record in records] == [first.der, middle.der, last.der]
    for each in (harness, slow):
        await each.database.close()
