"""The contracts on the wire: mutual TLS, callers by right, and what this build does not do."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import grpc.aio
import pytest

from fixtures.authority import CertificateAuthority
from fixtures.issuing import (
    IssuingHarness,
    make_request,
    make_ssh_request,
    open_harness,
    sqlite_url,
)
from fixtures.pki import InternalPki
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1 import issuing_pb2_grpc
from newel.runtime.errors import ErrorType
from newel.runtime.rpc.server import connect, serve
from newel.runtime.rpc.wire import error_from_call

Connect = Callable[[str], grpc.aio.Channel]


@pytest.fixture
async def wire(
    authority: CertificateAuthority, tmp_path: Path, internal_pki: InternalPki
) -> AsyncIterator[Connect]:
    """Connects callers, by name, to a listening issuing authority."""
    harness = await open_harness(sqlite_url(tmp_path), authority)
    server = await serve(harness.service.rpcs, "127.0.0.1:0", internal_pki.files("issuing"))
    channels: list[grpc.aio.Channel] = []

    def caller(name: str) -> grpc.aio.Channel:
        address = f"dns:///127.0.0.1:{server.port}"
        channels.append(connect(address, internal_pki.files(name), server_name="issuing"))
        return channels[-1]

    yield caller
    for channel in channels:
        await channel.close(None)
    await server.stop(0)
    await harness.database.close()


async def test_a_certificate_over_mutual_tls(wire: Connect) -> None:
    issuance = issuing_pb2_grpc.IssuanceStub(wire("registration"))
    response = await issuance.Issue(pb.IssueRequest(requests=[make_request(), make_request("..")]))
    good, bad = response.results
    assert good.certificate.der
    assert bad.error.type == ErrorType.REJECTED_IDENTIFIER
    repository = issuing_pb2_grpc.RepositoryStub(wire("validation"))
    pages = [page async for page in repository.ListIssued(pb.ListRequest())]
    assert [record.der for page in pages for record in page.records] == [good.certificate.der]


@pytest.mark.attack("P10")
@pytest.mark.parametrize("name", ["validation", "inventory", "alerting"])
async def test_only_the_registration_authority_issues_and_revokes(wire: Connect, name: str) -> None:
    channel = wire(name)
    calls = [
        issuing_pb2_grpc.IssuanceStub(channel).Issue(pb.IssueRequest(requests=[make_request()])),
        issuing_pb2_grpc.RevocationStub(channel).Revoke(pb.RevokeRequest()),
    ]
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call
        assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_too_large_a_batch_is_refused_whole(harness: IssuingHarness) -> None:
    request = make_request()
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await harness.issue(*[request] * 65)
    assert error_from_call(refusal.value).type is ErrorType.TOO_LARGE
    assert not harness.signer.signed


async def test_ssh_is_refused_item_by_item_without_keys(harness: IssuingHarness) -> None:
    requests = [make_ssh_request(), make_ssh_request(type=pb.SSH_CERTIFICATE_TYPE_HOST)]
    issued = await harness.issuance.IssueSSH(pb.IssueSSHRequest(requests=requests))
    kinds = [result.error.type for result in issued.results]
    assert kinds == [ErrorType.NOT_IMPLEMENTED] * 2
    assert "no key for SSH certificates of a host" in issued.results[1].error.detail
