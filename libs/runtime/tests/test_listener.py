"""Listeners as a client sees them: optional client certificates, swapped TLS, bounded headers (P09, P13)."""

import asyncio
import contextlib
import http.client
import json
import re
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.listeners import run_listener
from fixtures.tls_authority import Authority
from newel.runtime.clock import SystemClock
from newel.runtime.http.connection_limits import ConnectionLimits
from newel.runtime.http.listener import bind
from newel.runtime.tls.server import ServerTLS


async def app(scope: Any, _receive: Any, send: Any) -> None:
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain_der", [])
    peer = x509.load_der_x509_certificate(chain[0]).subject.rfc4514_string() if chain else None
    body = json.dumps({"peer": peer}).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def get(port: int, context: ssl.SSLContext) -> tuple[Any, x509.Certificate]:
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=5)
    connection.request("GET", "/")
    served: Any = connection.sock.getpeercert(binary_form=True)  # pyright: ignore[reportAttributeAccessIssue]
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer, x509.load_der_x509_certificate(served)


def client(
    root: Authority, tmp_path: Path, identity: tuple[bytes, bytes] | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root.pem)
    if identity:
        file = tmp_path / "identity.pem"
        file.write_bytes(b"".join(identity))
        context.load_cert_chain(file)
    return context


async def test_a_client_certificate_is_optional_and_reaches_the_app(tmp_path: Path) -> None:
    root = Authority("Root")
    tls = ServerTLS()
    tls.trust([root.pem])
    tls.present(*root.issue("server"))
    async with run_listener(app, tls=tls) as port:
        without, _ = await asyncio.to_thread(get, port, client(root, tmp_path))
        with_one, _ = await asyncio.to_thread(get, port, client(root, tmp_path, root.issue("mike")))
        assert (without, with_one) == ({"peer": None}, {"peer": "CN=mike"})
        rogue = client(root, tmp_path, Authority("Root").issue("mike"))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(get, port, rogue)


async def test_a_new_certificate_even_of_another_key_type_serves_new_connections(
    tmp_path: Path,
) -> None:
    root = Authority("Root")
    tls = ServerTLS()
    tls.present(*root.issue("first"))
    async with run_listener(app, tls=tls) as port:
        _, first = await asyncio.to_thread(get, port, client(root, tmp_path))
        tls.present(*root.issue("second", rsa.generate_private_key(65537, 2048)))
        _, second = await asyncio.to_thread(get, port, client(root, tmp_path))
        tls.trust([root.pem])
        trusted, _ = await asyncio.to_thread(get, port, client(root, tmp_path, root.issue("mike")))
    assert first.subject.rfc4514_string() == "CN=first"
    assert second.subject.rfc4514_string() == "CN=second"
    assert trusted == {"peer": "CN=mike"}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.attack("P13")
async def test_old_tls_is_refused(tmp_path: Path) -> None:
    root = Authority("Root")
    tls = ServerTLS()
    tls.present(*root.issue("server"))
    old = client(root, tmp_path)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with run_listener(app, tls=tls) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(get, port, old)


@pytest.mark.parametrize(("least", "last"), [(1.3, 1.3), (1.2, 1.2)])
async def test_the_versions_of_tls_can_be_narrowed(
    tmp_path: Path, least: float, last: float
) -> None:
    root = Authority("Root")
    tls = ServerTLS((least, last))
    tls.present(*root.issue("server"))
    versions = {1.2: ssl.TLSVersion.TLSv1_2, 1.3: ssl.TLSVersion.TLSv1_3}
    async with run_listener(app, tls=tls) as port:
        for version, own in versions.items():
            context = client(root, tmp_path)
            context.minimum_version = context.maximum_version = own
            if least <= version <= last:
                await asyncio.to_thread(get, port, context)
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await asyncio.to_thread(get, port, context)


async def test_a_client_that_speaks_http_2_too_is_served_by_http_1_1(tmp_path: Path) -> None:
    root = Authority("Root")
    tls = ServerTLS()
    tls.present(*root.issue("server"))
    context = client(root, tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with run_listener(app, tls=tls) as port:
        _, writer = await asyncio.open_connection("localhost", port, ssl=context)
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.close()
        answer, _ = await asyncio.to_thread(get, port, context)
    assert (chosen, answer) == ("http/1.1", {"peer": None})


async def test_the_cipher_suites_of_tls_1_2_can_be_narrowed(tmp_path: Path) -> None:
    root = Authority("Root")
    tls = ServerTLS(cipher_suites=["ECDHE-ECDSA-AES256-GCM-SHA384"])
    tls.present(*root.issue("server"))
    async with run_listener(app, tls=tls) as port:
        for suite, is_served in (("AES256-GCM-SHA384", True), ("AES128-GCM-SHA256", False)):
            context = client(root, tmp_path)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(f"ECDHE-ECDSA-{suite}")
            if is_served:
                await asyncio.to_thread(get, port, context)
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await asyncio.to_thread(get, port, context)


def raw(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        answer = b""
        with_more = True
        while with_more:
            try:
                block = connection.recv(65536)
            except ConnectionResetError:
                break
            answer += block
            with_more = bool(block)
    return answer


@pytest.mark.attack("P09")
async def test_endless_headers_and_slow_ones_end() -> None:
    limits = ConnectionLimits(head_seconds=0.3)
    async with run_listener(app, limits) as port:
        long = b"GET / HTTP/1.1\r\nx: " + b"a" * 200_000
        assert (await asyncio.to_thread(raw, port, long)).startswith(b"HTTP/1.1 431 ")
        began = time.monotonic()
        assert await asyncio.to_thread(raw, port, b"GET / HTTP/1.1\r\nHost: x\r\n") == b""
        assert await asyncio.to_thread(raw, port, b"") == b""
        assert time.monotonic() - began < 4
        second = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n"
        assert (await asyncio.to_thread(raw, port, second)).count(b"HTTP/1.1 200") == 1


async def test_a_body_that_comes_with_its_header_does_not_count_as_header() -> None:
    body = b"b" * 400_000
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    async with run_listener(app) as port:
        whole = head + b"connection: close\r\n\r\n" + body
        assert (await asyncio.to_thread(raw, port, whole)).startswith(b"HTTP/1.1 200 ")


def test_an_address_that_is_taken_is_named() -> None:
    with bind("127.0.0.1:0") as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            bind(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("address", "reached"), [(":0", {"127.0.0.1", "::1"}), ("[::1]:0", {"::1"})]
)
def test_without_a_host_both_kinds_of_addresses_are_listened_on(
    address: str, reached: set[str]
) -> None:
    with bind(address) as sock:
        sock.listen()
        port = sock.getsockname()[1]
        found: set[str] = set()
        for host in ("127.0.0.1", "::1"):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((host, port), timeout=5).close()
                found.add(host)
    assert found == reached


async def test_a_client_by_ipv4_is_called_by_its_ipv4_address() -> None:
    seen: list[str] = []

    async def note_client(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    request = b"GET / HTTP/1.0\r\n\r\n"
    async with run_listener(note_client, address=":0") as port:
        assert (await asyncio.to_thread(raw, port, request)).startswith(b"HTTP/1.1 204 ")
    assert seen == ["127.0.0.1"]


async def test_the_date_is_that_of_the_second_in_which_the_answer_is_sent() -> None:
    delays = iter((0.0, 1.1))

    async def slow(scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(next(delays))
        await app(scope, _receive, send)

    async with run_listener(slow) as port:
        for delay in (0, 1):
            earliest = int(SystemClock().unix()) + delay
            said = await asyncio.to_thread(raw, port, b"GET / HTTP/1.0\r\n\r\n")
            found = re.findall(rb"(?m)^date: (.*)\r$", said)
            assert len(found) == 1
            date = parsedate_to_datetime(found[0].decode()).timestamp()
            assert earliest <= date <= SystemClock().unix()
