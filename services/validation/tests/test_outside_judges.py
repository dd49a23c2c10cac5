"""The whole service on a real listener with all its tasks; openssl and curl judge."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.validation import (
    ValidationSetup,
    issuance_event,
    make_setup,
    request_for,
    revocation_event,
)
from fixtures.validation_pki import write_pem
from newel.runtime.background import Supervisor
from newel.runtime.clock import SystemClock
from newel.runtime.database.contract import Statement
from newel.runtime.events.contract import Event
from newel.runtime.events.outbox import LocalBus, TableOutbox
from newel.runtime.http.listener import Listener, bind
from newel.runtime.service import Service
from newel.validation.app import build


@dataclass
class RunningService:
    """A service that answers, and what its clients hold."""

    harness: ValidationSetup
    service: Service
    outbox: TableOutbox
    port: int
    folder: Path

    async def tell(self, event: Event) -> None:
        """The event as the issuing authority would write it."""
        await self.harness.database.apply(self.outbox.write(event.subject, event.payload))
        self.outbox.wake()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def run(self, *command: str) -> str:
        """A program's output, standard error included."""
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        return output.decode(errors="replace")

    async def ocsp(self, leaf: str, *options: str, digest: str = "-sha1") -> str:
        """What ``openssl ocsp`` says of a certificate file."""
        return await self.run(
            "openssl",
            "ocsp",
            digest,
            "-issuer",
            "ca.pem",
            "-cert",
            leaf,
            "-url",
            f"{self.url}/ocsp",
            "-CAfile",
            "root.pem",
            "-verify_other",
            "ca.pem",
            *options,
        )

    async def until(self, seconds: float, said: Any, wanted: str) -> str:
        """Asks again until the answer has it, or fails at the deadline."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            answer: str = await said()
            if wanted in answer:
                return answer
            assert asyncio.get_running_loop().time() < end, f"no {wanted!r} in time: {answer}"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def serve_newel(folder: Path, url: str) -> AsyncGenerator[RunningService]:
    bus = LocalBus()
    harness = await make_setup(folder, url, SystemClock(), bus)
    outbox = TableOutbox(harness.database)
    bus.attach(outbox)
    service = build(harness.config, harness.ports)
    supervisor = Supervisor(harness.registry)
    listener = Listener(service.web["http"], bind("127.0.0.1:0"))
    for hook in service.start:
        await hook()
    async with asyncio.TaskGroup() as group:
        group.create_task(listener.listen())
        supervisor.start(service.tasks, service.name)
        supervisor.start(bus.tasks(), "bus")
        write_pem(folder / "ca.pem", harness.ca.certificate)
        write_pem(folder / "root.pem", harness.root.certificate)
        try:
            yield RunningService(harness, service, outbox, listener.address[1], folder)
        finally:
            listener.stop()
            await supervisor.stop()
    await harness.database.close()


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncGenerator[RunningService]:
    async with serve_newel(tmp_path, database_url) as service:
        yield service


def leaf(service: RunningService, serial: int, file: str) -> x509.Certificate:
    url = f"http://ca.example:9080/crl/{service.harness.ca.id}.crl"
    certificate = service.harness.ca.leaf(serial, crl_url=url)
    write_pem(service.folder / file, certificate)
    return certificate


@pytest.mark.needs("openssl", "curl")
@pytest.mark.attack("X08")
async def test_from_issued_to_revoked_as_openssl_sees_it(service: RunningService) -> None:
    """A revocation shows in OCSP within 1 s and in the CRL within 5 s."""
    harness = service.harness
    certificate = leaf(service, 0x7001, "leaf.pem")
    leaf(service, 0x666, "rogue.pem")
    await service.tell(issuance_event(certificate, harness.ca.id))
    answer = await service.until(5, lambda: service.ocsp("leaf.pem"), "leaf.pem: good")
    assert "Response verify OK" in answer
    assert "WARNING" not in answer  # the nonce came back
    for digest in ("-sha1", "-sha256", "-sha384", "-sha512"):
        answer = await service.ocsp("leaf.pem", "-no_nonce", digest=digest)
        assert "Response verify OK" in answer
        assert "leaf.pem: good" in answer
    assert "rogue.pem: unknown" in await service.ocsp("rogue.pem")

    crl_file = service.folder / "list.der"
    fetch = ("curl", "-sf", "-o", str(crl_file), f"{service.url}/crl/{harness.ca.id}.crl")

    async def list_crl() -> str:
        await service.run(*fetch)
        return await service.run(
            "openssl",
            "crl",
            "-inform",
            "DER",
            "-in",
            "list.der",
            "-CAfile",
            "ca.pem",
            "-noout",
            "-text",
        )

    answer = await service.until(5, list_crl, "verify OK")
    assert "No Revoked Certificates" in answer
    now = harness.clock.now()
    await service.tell(
        revocation_event(0x7001, harness.ca.id, now, certificate.not_valid_after_utc)
    )
    kept = lambda: service.ocsp("leaf.pem", "-no_nonce")  # noqa: E731 - asked more than once
    answer = await service.until(1, kept, "leaf.pem: revoked")
    assert "Reason: keyCompromise" in answer
    answer = await service.until(5, list_crl, "Serial Number: 7001")
    assert "verify OK" in answer
    await service.run("openssl", "crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem")
    checked = await service.run(
        "openssl",
        "verify",
        "-crl_check",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "ca.pem",
        "-CRLfile",
        "list.pem",
        "leaf.pem",
    )
    assert "certificate revoked" in checked


@pytest.mark.needs("openssl", "curl")
async def test_answers_go_on_with_the_issuing_authority_down(service: RunningService) -> None:
    harness = service.harness
    await service.tell(issuance_event(leaf(service, 0x7001, "leaf.pem"), harness.ca.id))
    await service.until(5, lambda: service.ocsp("leaf.pem"), "leaf.pem: good")
    await service.until(5, lambda: service.run("curl", "-si", f"{service.url}/crl"), "200 OK")
    harness.lists.away = True
    assert "leaf.pem: good" in await service.ocsp("leaf.pem")
    assert "200 OK" in await service.run("curl", "-si", f"{service.url}/crl")


@pytest.mark.needs("openssl", "curl")
@pytest.mark.attack("X07")
async def test_by_get_with_http_caching(service: RunningService) -> None:
    harness = service.harness
    await service.tell(issuance_event(leaf(service, 0x7001, "leaf.pem"), harness.ca.id))
    await service.until(5, lambda: service.ocsp("leaf.pem"), "leaf.pem: good")
    await service.run(
        "openssl",
        "ocsp",
        "-issuer",
        "ca.pem",
        "-cert",
        "leaf.pem",
        "-no_nonce",
        "-reqout",
        "request",
    )
    text = await service.run("openssl", "base64", "-A", "-in", "request")
    url = f"{service.url}/ocsp/{text}"
    await service.run("curl", "-sf", "-o", "response", url)
    answer = await service.run(
        "openssl",
        "ocsp",
        "-respin",
        "response",
        "-issuer",
        "ca.pem",
        "-cert",
        "leaf.pem",
        "-CAfile",
        "root.pem",
        "-verify_other",
        "ca.pem",
        "-no_nonce",
    )
    assert "Response verify OK" in answer
    assert "leaf.pem: good" in answer
    head = await service.run("curl", "-sI", url)
    assert "200 OK" in head
    tag = next(line for line in head.splitlines() if line.startswith("etag")).split(" ", 1)[1]
    again = await service.run("curl", "-si", "-H", f"If-None-Match: {tag}", url)
    assert "304 Not Modified" in again
    assert "content-length" not in again


async def exchange(service: RunningService, method: str, path: str) -> tuple[set[bytes], bytes]:
    """The header lines but for those of the moment, and everything that follows them on the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return {line for line in head.split(b"\r\n") if not line.startswith(b"date:")}, body


@pytest.mark.needs("openssl", "curl")
async def test_head_has_the_headers_of_get_and_no_body(service: RunningService) -> None:
    harness = service.harness
    certificate = leaf(service, 0x7001, "leaf.pem")
    await service.tell(issuance_event(certificate, harness.ca.id))
    await service.until(5, lambda: service.ocsp("leaf.pem"), "leaf.pem: good")
    await service.until(5, lambda: service.run("curl", "-si", f"{service.url}/crl"), "200 OK")
    request = base64.b64encode(request_for(certificate, harness.ca)).decode()
    fixed = f"/ca/{harness.ca.id}.cer", "/roots.pem"
    for path in ("/crl", "/crl?pem", "/crls.pem", *fixed, f"/ocsp/{request}", f"//ocsp/{request}"):
        headers, body = await exchange(service, "GET", path)
        assert b"HTTP/1.1 200 OK" in headers
        assert f"content-length: {len(body)}".encode() in headers
        assert await exchange(service, "HEAD", path) == (headers, b"")


@pytest.mark.needs("curl")
@pytest.mark.attack("X07")
async def test_a_megabyte_by_post_is_malformed_and_harmless(service: RunningService) -> None:
    (service.folder / "big").write_bytes(b"0" * 1_000_000)
    answer = await service.run(
        "curl",
        "-s",
        "-o",
        "answer",
        "-w",
        "%{http_code} %{content_type}",
        "--max-time",
        "5",
        "--data-binary",
        "@big",
        f"{service.url}/ocsp",
    )
    assert answer == "200 application/ocsp-response"
    assert (service.folder / "answer").read_bytes() == bytes.fromhex("30030a0101")
    assert "200 OK" in await service.run("curl", "-si", f"{service.url}/roots.pem")


@pytest.mark.needs("openssl")
async def test_the_service_becomes_ready_and_says_what_it_publishes(
    service: RunningService,
) -> None:
    harness = service.harness
    ready = service.service.ready
    assert ready is not None
    end = asyncio.get_running_loop().time() + 10
    while True:
        try:
            await ready()
            break
        except Exception:  # noqa: BLE001 - whatever is missing has time to come
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.1)
    published = await harness.database.fetch(
        Statement("SELECT subject FROM outbox WHERE subject = 'newel.crl.published.v1'")
    )
    assert published
