"""Attack P10: what reaches a gRPC port without the right certificate gets nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fixtures.pki import InternalPki
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
from newel.runtime.rpc.server import RPCServer, connect, serve
from newel.runtime.service import RPCService
from newel.runtime.tls.mutual import TLSFiles

pytestmark = pytest.mark.attack("P10")


class Signer(signer_pb2_grpc.CertificateSignerServicer):
    """Signs everything for those who get so far."""

    async def SignCertificate(self, request: Any, context: Any) -> signer_pb2.SignResponse:
        return signer_pb2.SignResponse()

    async def SignSSHCertificate(self, request: Any, context: Any) -> signer_pb2.SignResponse:
        return signer_pb2.SignResponse()


@pytest.fixture
async def server(internal_pki: InternalPki) -> AsyncIterator[RPCServer]:
    rpc = RPCService(
        "newel.signer.v1.CertificateSigner",
        signer_pb2_grpc.add_CertificateSignerServicer_to_server,
        Signer(),
        ("issuing",),
    )
    served = await serve([rpc], "127.0.0.1:0", internal_pki.files("signer"))
    yield served
    await served.stop(0)


async def code_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    """How a call on this channel ends."""
    stub = signer_pb2_grpc.CertificateSignerStub(channel)
    try:
        await stub.SignCertificate(signer_pb2.SignRequest(), timeout=5)
    except grpc.aio.AioRpcError as error:
        return error.code()
    finally:
        await channel.close(None)
    return grpc.StatusCode.OK


def dial(server: RPCServer, files: TLSFiles) -> grpc.aio.Channel:
    return connect(f"dns:///127.0.0.1:{server.port}", files, server_name="signer")


async def test_the_listed_caller_is_served(server: RPCServer, internal_pki: InternalPki) -> None:
    assert await code_of(dial(server, internal_pki.files("issuing"))) is grpc.StatusCode.OK


async def test_plaintext_is_refused(server: RPCServer) -> None:
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_no_certificate_is_refused(server: RPCServer, internal_pki: InternalPki) -> None:
    credentials = grpc.ssl_channel_credentials(internal_pki.roots.read_bytes())
    options = (("grpc.ssl_target_name_override", "signer"),)
    channel = grpc.aio.secure_channel(f"127.0.0.1:{server.port}", credentials, options=options)
    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate_is_refused(
    server: RPCServer, internal_pki: InternalPki
) -> None:
    channel = dial(server, internal_pki.files("issuing", expired=True))
    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_another_root_is_refused(
    server: RPCServer, internal_pki: InternalPki, tmp_path: Path
) -> None:
    folder = tmp_path / "rogue"
    folder.mkdir()
    rogue = InternalPki(folder, "rogue root").files("issuing")
    files = TLSFiles(rogue.certificate, rogue.key, internal_pki.roots)
    assert await code_of(dial(server, files)) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "name",
    [
        x509.UniformResourceIdentifier("issuing"),
        x509.RFC822Name("issuing"),
        x509.DNSName("issuing.example"),
        x509.DNSName("*"),
    ],
)
async def test_a_name_that_only_looks_like_the_callers_is_refused(
    server: RPCServer, internal_pki: InternalPki, name: x509.GeneralName
) -> None:
    """The subject's common name says "issuing" too: it is not looked at."""
    files = internal_pki.files_of([name], "issuing")
    assert await code_of(dial(server, files)) is grpc.StatusCode.PERMISSION_DENIED


async def test_a_server_with_another_name_is_not_talked_to(
    server: RPCServer, internal_pki: InternalPki
) -> None:
    files = internal_pki.files("issuing")
    channel = connect(f"dns:///127.0.0.1:{server.port}", files, server_name="inventory")
    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE


async def test_nobody_calls_without_tls() -> None:
    with pytest.raises(ValueError, match="mutual TLS"):
        connect("dns:///signer:9090")


async def test_certificates_are_replaced_while_running(
    server: RPCServer, internal_pki: InternalPki, tmp_path: Path
) -> None:
    """A server's new root makes it refuse callers of the old one; new files bring them back."""
    folder = tmp_path / "next"
    folder.mkdir()
    following = InternalPki(folder, "next root")
    replacement = following.files("signer", stem="next-signer")
    internal_pki.roots.write_bytes(following.roots.read_bytes())
    (internal_pki.folder / "signer.key").write_bytes(replacement.key.read_bytes())
    (internal_pki.folder / "signer.crt").write_bytes(replacement.certificate.read_bytes())
    assert await code_of(dial(server, following.files("issuing"))) is grpc.StatusCode.OK
    old = internal_pki.files("issuing")
    assert await code_of(dial(server, old)) is grpc.StatusCode.UNAVAILABLE


async def test_a_channel_follows_its_files(server: RPCServer, internal_pki: InternalPki) -> None:
    """The channel was opened with a certificate no one listed; then the file was replaced."""
    files = internal_pki.files("stranger", stem="caller")
    channel = dial(server, files)
    stub = signer_pb2_grpc.CertificateSignerStub(channel)
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.SignCertificate(signer_pb2.SignRequest())
    internal_pki.files("issuing", stem="caller")
    async with asyncio.timeout(15):
        while True:
            try:
                await stub.SignCertificate(signer_pb2.SignRequest())
                break
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.PERMISSION_DENIED  # noqa: PT017
                await asyncio.sleep(0.2)
    await channel.close(None)


async def test_health_is_answered_until_the_server_drains(
    server: RPCServer, internal_pki: InternalPki
) -> None:
    channel = dial(server, internal_pki.files("anyone"))
    stub = health_pb2_grpc.HealthStub(channel)
    status: list[int] = []
    request = health_pb2.HealthCheckRequest(service="newel.signer.v1.CertificateSigner")
    watch = stub.Watch(request, timeout=10)
    states = aiter(watch)
    status.append((await anext(states)).status)
    assert (await stub.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
    async with asyncio.TaskGroup() as beside:
        beside.create_task(server.stop(5))
        status += [state.status async for state in states]
    assert status == [
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    ]
    await channel.close(None)
