"""Certificates that are refused although they are valid, at once and without a restart."""

import asyncio
import dataclasses
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from fixtures.pki import InternalPki
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
from newel.runtime.config import ConfigError
from newel.runtime.rpc.refused_peers import RefusedPeers
from newel.runtime.rpc.server import RPCServer, connect, serve
from newel.runtime.service import RPCService

pytestmark = pytest.mark.attack("P10")


class Signer(signer_pb2_grpc.CertificateSignerServicer):
    """Signs everything for those who get so far."""

    async def SignCertificate(self, request: Any, context: Any) -> signer_pb2.SignResponse:
        return signer_pb2.SignResponse()

    async def SignSSHCertificate(self, request: Any, context: Any) -> signer_pb2.SignResponse:
        return signer_pb2.SignResponse()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "refused"


@pytest.fixture
async def server(internal_pki: InternalPki, path: Path) -> AsyncIterator[RPCServer]:
    rpc = RPCService(
        "newel.signer.v1.CertificateSigner",
        signer_pb2_grpc.add_CertificateSignerServicer_to_server,
        Signer(),
        ("issuing",),
    )
    files = dataclasses.replace(internal_pki.files("signer"), refused=path)
    served = await serve([rpc], "127.0.0.1:0", files)
    yield served
    await served.stop(0)


def fingerprint(certificate: Path) -> str:
    return (
        x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()
    )


async def ask(stub: Any) -> grpc.StatusCode:
    try:
        await stub.SignCertificate(signer_pb2.SignRequest(), timeout=60)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def wait_for(stub: Any, code: grpc.StatusCode) -> None:
    """Ask until that is the answer: the file is looked at once a second."""
    async with asyncio.timeout(60):
        while await ask(stub) is not code:
            await asyncio.sleep(0.05)


async def test_a_connection_that_is_open_gets_nothing_any_more_and_another_certificate_does(
    server: RPCServer, internal_pki: InternalPki, path: Path
) -> None:
    address = f"dns:///127.0.0.1:{server.port}"
    stolen = internal_pki.files("issuing", stem="stolen")
    thief = connect(address, stolen, server_name="signer")
    stub = signer_pb2_grpc.CertificateSignerStub(thief)
    assert await ask(stub) is grpc.StatusCode.OK
    path.write_text(f"# found on 2026-12-01\n{fingerprint(stolen.certificate).upper()}\n")
    await wait_for(stub, grpc.StatusCode.PERMISSION_DENIED)
    honest = connect(address, internal_pki.files("issuing"), server_name="signer")
    assert await ask(signer_pb2_grpc.CertificateSignerStub(honest)) is grpc.StatusCode.OK
    path.unlink()
    await wait_for(stub, grpc.StatusCode.OK)
    await thief.close(None)
    await honest.close(None)


@pytest.mark.parametrize("text", ["no fingerprint\n", "00" * 31, "\n".join(["00" * 32, "x"])])
def test_a_list_with_another_line_is_refused_at_start(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match="is no SHA-256 fingerprint"):
        RefusedPeers(path)


def test_what_was_refused_stays_refused_while_the_list_cannot_be_read(
    path: Path,
    internal_pki: InternalPki,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stolen = internal_pki.files("issuing").certificate
    path.write_text(fingerprint(stolen))
    refused = RefusedPeers(path)
    monkeypatch.setattr("newel.runtime.rpc.refused_peers._LOOK_SECONDS", -1.0)
    assert refused.includes(stolen.read_bytes())
    path.write_text("spoilt\n")
    os.utime(path, ns=(1, 1))
    with caplog.at_level(logging.ERROR):
        assert refused.includes(stolen.read_bytes())
    assert "stays refused" in caplog.text
    path.unlink()
    assert not refused.includes(stolen.read_bytes())
