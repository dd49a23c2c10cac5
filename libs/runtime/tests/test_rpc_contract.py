"""One process or many: one suite on LocalChannel and on real gRPC over mutual TLS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from fixtures.no_ssh import NoSSHRecords
from fixtures.pki import InternalPki
from newel.proto.issuing.v1 import issuing_pb2, issuing_pb2_grpc
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError, Subproblem
from newel.runtime.request_id import enter_request, request_id
from newel.runtime.rpc.local import LocalServer
from newel.runtime.rpc.server import LOCAL, abort_with, connect, serve
from newel.runtime.rpc.wire import error_from_call
from newel.runtime.service import RPCService

SIGNER = "newel.signer.v1.CertificateSigner"
REPOSITORY = "newel.issuing.v1.Repository"


class Signer(signer_pb2_grpc.CertificateSignerServicer):
    """Answers by the name of the key asked for."""

    async def SignCertificate(self, request: Any, context: Any) -> signer_pb2.SignResponse:
        match request.statements[0].key:
            case "refuse":
                raise NewelError(
                    ErrorType.REJECTED_IDENTIFIER,
                    "not that name",
                    cause="rule 7",
                    subproblems=[Subproblem(ErrorType.CAA, "forbidden", "dns", "a.example")],
                )
            case "abort":
                return await abort_with(context, NewelError(ErrorType.CONFLICT, "once only"))
            case "break":
                raise RuntimeError("the PIN is 1234")
            case "sleep":
                return await asyncio.sleep(30, _make_response())
            case "request id":
                return _make_response(request_id().encode())
            case _:
                return _make_response(*(statement.body[::-1] for statement in request.statements))

    async def SignSSHCertificate(self, request: Any, context: Any) -> signer_pb2.SignResponse:
        return _make_response(b"ssh")


class Repository(NoSSHRecords):
    """Streams pages until it breaks."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def ListIssued(self, request: Any, context: Any) -> AsyncIterator[issuing_pb2.IssuedPage]:
        try:
            for number in range(3):
                yield issuing_pb2.IssuedPage()
                if number == 1 and request.after == 1:
                    raise NewelError(ErrorType.UNAVAILABLE, "gone")
                if number == 1 and request.after == 2:
                    await asyncio.sleep(30)
        finally:
            self.closed.set()

    async def ListIssuers(self, request: Any, context: Any) -> issuing_pb2.ListIssuersResponse:
        raise NotImplementedError

    async def GetCertificate(
        self, request: Any, context: Any
    ) -> issuing_pb2.GetCertificateResponse:
        raise NotImplementedError

    async def ListRevoked(
        self, request: Any, context: Any
    ) -> AsyncIterator[issuing_pb2.RevokedPage]:
        yield issuing_pb2.RevokedPage()


def _make_response(*signatures: bytes) -> signer_pb2.SignResponse:
    return signer_pb2.SignResponse(
        signatures=[signer_pb2.Signature(signature=signature) for signature in signatures]
    )


def ask(*keys: str, body: bytes = b"tbs") -> signer_pb2.SignRequest:
    return signer_pb2.SignRequest(
        statements=[signer_pb2.Statement(key=key, body=body) for key in keys]
    )


Connect = Callable[[str], grpc.aio.Channel]


@pytest.fixture
def rpcs() -> list[RPCService]:
    return [
        RPCService(
            SIGNER, signer_pb2_grpc.add_CertificateSignerServicer_to_server, Signer(), ("issuing",)
        ),
        RPCService(
            REPOSITORY,
            issuing_pb2_grpc.add_RepositoryServicer_to_server,
            Repository(),
            ("registration", "issuing"),
        ),
    ]


@pytest.fixture(params=["local", "grpc"])
async def dial(
    request: pytest.FixtureRequest, rpcs: list[RPCService], internal_pki: InternalPki
) -> AsyncIterator[Connect]:
    """Makes channels of callers by name, to the same servicers either way."""
    if request.param == "local":
        server = LocalServer()
        for rpc in rpcs:
            server.add(rpc)
        yield lambda caller: connect(LOCAL, local=server, caller=caller)
        return
    remote = await serve(rpcs, "127.0.0.1:0", internal_pki.files("signer"))
    channels: list[grpc.aio.Channel] = []

    def dial(caller: str) -> grpc.aio.Channel:
        address = f"dns:///127.0.0.1:{remote.port}"
        files = internal_pki.files(caller)
        channels.append(connect(address, files, server_name="signer"))
        return channels[-1]

    yield dial
    for channel in channels:
        await channel.close(None)
    await remote.stop(0)


async def test_a_batch_comes_back_in_order(dial: Connect) -> None:
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    response = await stub.SignCertificate(ask("a", "b"))
    assert [item.signature for item in response.signatures] == [b"sbt", b"sbt"]


async def test_a_refusal_crosses_as_itself(dial: Connect) -> None:
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.SignCertificate(ask("refuse"))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    error = error_from_call(caught.value)
    assert (error.type, error.detail, error.cause) == (
        ErrorType.REJECTED_IDENTIFIER,
        "not that name",
        "rule 7",
    )
    assert error.subproblems == (Subproblem(ErrorType.CAA, "forbidden", "dns", "a.example"),)


async def test_a_servicer_can_end_a_call_with_a_refusal(dial: Connect) -> None:
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.SignCertificate(ask("abort"))
    assert error_from_call(caught.value).type is ErrorType.CONFLICT


async def test_an_untyped_exception_says_nothing(dial: Connect) -> None:
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.SignCertificate(ask("break"))
    error = error_from_call(caught.value)
    assert error.type is ErrorType.SERVER_INTERNAL
    assert "1234" not in f"{caught.value!r} {error.detail} {error.cause}"


async def test_a_deadline_ends_the_call(dial: Connect) -> None:
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.SignCertificate(ask("sleep"), timeout=0.3)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_from_call(caught.value).type is ErrorType.UNAVAILABLE


async def test_the_request_id_goes_along(dial: Connect) -> None:
    enter_request("walk-17")
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    response = await stub.SignCertificate(ask("request id"))
    assert response.signatures[0].signature == b"walk-17"


async def test_a_large_message_passes(dial: Connect) -> None:
    stub = signer_pb2_grpc.CertificateSignerStub(dial("issuing"))
    response = await stub.SignCertificate(ask("a", body=bytes(20_000_000)))
    assert len(response.signatures[0].signature) == 20_000_000


@pytest.mark.attack("P10")
async def test_a_caller_reaches_only_the_services_that_list_it(dial: Connect) -> None:
    channel = dial("registration")
    repository = issuing_pb2_grpc.RepositoryStub(channel)
    pages = [page async for page in repository.ListIssued(issuing_pb2.ListRequest())]
    assert len(pages) == 3
    signer = signer_pb2_grpc.CertificateSignerStub(channel)
    for method in (signer.SignCertificate, signer.SignSSHCertificate):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(ask("a"))
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_method_nobody_serves_is_unimplemented(dial: Connect) -> None:
    stub = signer_pb2_grpc.StatusSignerStub(dial("issuing"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.SignCRL(ask("a"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_stream_ends_with_the_refusal_it_met(dial: Connect) -> None:
    stub = issuing_pb2_grpc.RepositoryStub(dial("issuing"))
    seen = 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _page in stub.ListIssued(issuing_pb2.ListRequest(after=1)):
            seen += 1
    assert seen == 2
    assert error_from_call(caught.value).detail == "gone"


async def test_a_stream_that_stalls_meets_its_deadline(
    dial: Connect, rpcs: list[RPCService]
) -> None:
    stub = issuing_pb2_grpc.RepositoryStub(dial("issuing"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _page in stub.ListIssued(issuing_pb2.ListRequest(after=2), timeout=0.5):
            pass
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(rpcs[1].servicer.closed.wait(), 5)
