"""Slow clients, idle ones and crowds: each connection ends in its time, and one client leaves room for others."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fixtures.listeners import run_listener
from fixtures.tls_authority import Authority
from newel.runtime.asgi import ASGIApp
from newel.runtime.config import ConfigError
from newel.runtime.http.admission import ConnectionMetrics
from newel.runtime.http.connection_limits import (
    LEAST_DESCRIPTORS,
    OWN_DESCRIPTORS,
    ConnectionLimits,
    claim_descriptors,
)
from newel.runtime.http.request_body import read_body
from newel.runtime.http.worker_counts import WorkerCounts
from newel.runtime.shared_table import SharedTable, TableMemory
from newel.runtime.tls.server import ServerTLS

FAR_AWAY = (ipaddress.ip_network("192.0.2.0/24"),)
"""Trusted networks that no test is in: so that the loopback has a bound."""
QUICK = ConnectionLimits(
    head_seconds=0.3, body_seconds=0.3, idle_seconds=1, handshake_seconds=0.3, answer_seconds=0.3
)
SMALL = ConnectionLimits(listener=8, per_address=3, trusted=FAR_AWAY)
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
TIMEOUT = 30.0  # of a test, for what has to happen


class BodyReader:
    """An app that reads every body and answers with its size."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await read_body(receive, 1 << 20)
        except Exception as error:
            self.ended.append(str(error))
            raise
        await answer(send, b"%d" % len(body))


async def early(_scope: Any, _receive: Any, send: Any) -> None:
    await answer(send, b"no")


async def deaf(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.Event().wait()


async def respond_in_part(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await asyncio.Event().wait()


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connect(
    port: int, context: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    name = "localhost" if context else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server ends the connection."""
    found = b""
    async with asyncio.timeout(TIMEOUT):
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(1 << 16):
                found += block
    return found


async def drip(port: int, first: bytes, drop: bytes) -> bytes:
    """What the server says to a client that sends one drop after another until it is cut off."""
    async with connect(port) as (reader, writer):
        writer.write(first)
        ending = asyncio.ensure_future(rest(reader))  # noqa: TID251 - no supervisor here
        while not ending.done():
            writer.write(drop)
            await asyncio.sleep(0.02)
        return await ending


async def request(port: int, context: ssl.SSLContext | None = None) -> bytes:
    """The status line of one request; nothing when the connection was refused."""
    try:
        async with connect(port, context) as (reader, writer), asyncio.timeout(TIMEOUT):
            writer.write(GET)
            return await reader.readline()
    except (ConnectionError, ssl.SSLError):
        return b""


async def hold(held: contextlib.AsyncExitStack, port: int) -> None:
    """Keep a connection that was let in and whose response does not end."""
    reader, writer = await held.enter_async_context(connect(port))
    writer.write(GET)
    async with asyncio.timeout(TIMEOUT):
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.mark.attack("P09")
@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nx: ", GET + b"GET / HTTP/1.1\r\nx: "])
async def test_a_header_that_drips_ends(first: bytes) -> None:
    async with run_listener(early, QUICK) as port:
        said = await drip(port, first, b"a")
    assert said.count(b"HTTP/1.1 200") == first.count(GET)


@pytest.mark.attack("P09")
@pytest.mark.parametrize(
    "kind", ["content-length: 100000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n"]
)
@pytest.mark.parametrize("app", ["reading", "early", "deaf"])
async def test_a_body_that_drips_ends_whatever_the_app_reads(app: str, kind: str) -> None:
    reading = BodyReader()
    apps: dict[str, ASGIApp] = {"reading": reading, "early": early, "deaf": deaf}
    drop = b"1\r\na\r\n" if "chunked" in kind else b"a"
    async with run_listener(apps[app], QUICK) as port:
        said = await drip(port, POST + kind.encode(), drop)
        assert said.startswith(b"HTTP/1.1 200 " if app == "early" else b"HTTP/1.1 408 ")
        assert b"\r\ndate: " in said
        assert app != "reading" or reading.ended == ["the request ended too early"]


@pytest.mark.attack("P09")
async def test_a_body_that_does_not_come_ends() -> None:
    async with run_listener(BodyReader(), QUICK) as port, connect(port) as (reader, writer):
        writer.write(POST + b"content-length: 5\r\n\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.attack("P09")
async def test_a_flood_after_an_early_answer_ends() -> None:
    async with run_listener(early, ConnectionLimits(body_seconds=600)) as port:
        said = await drip(
            port,
            POST + b"transfer-encoding: chunked\r\n\r\n",
            b"8000\r\n" + bytes(1 << 15) + b"\r\n",
        )
        assert said.startswith(b"HTTP/1.1 200 ")
        trailers = POST + b"transfer-encoding: chunked\r\n\r\n0\r\n"
        assert (await drip(port, trailers, b"x: " + b"y" * (1 << 15) + b"\r\n")).startswith(
            b"HTTP/1.1 200 "
        )


@pytest.mark.attack("P09")
@pytest.mark.parametrize("drop", [b"", b"\r\n"])
async def test_an_idle_connection_ends_even_when_white_space_drips(drop: bytes) -> None:
    async with run_listener(early, QUICK) as port:
        said = await drip(port, GET, drop) if drop else b""
        async with connect(port) as (reader, writer):
            writer.write(GET + drop)
            said = said or await rest(reader)
    assert said.startswith(b"HTTP/1.1 200 ")


@pytest.mark.attack("P09")
async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    gone = asyncio.Event()

    async def much(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()
        while (await asyncio.wait_for(receive(), 0.001) if gone.is_set() else None) is None:
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
            await asyncio.sleep(0)

    registry = CollectorRegistry()
    async with run_listener(much, QUICK, name="http", metrics=ConnectionMetrics(registry)) as port:
        async with connect(port) as (_, writer):
            writer.write(GET)

            async def is_empty() -> bool:
                return registry.get_sample_value("newel_connections", {"listener": "http"}) == 0

            async def is_open() -> bool:
                return not await is_empty()

            await until(is_open)
            await until(is_empty)
        gone.set()


def make_tls(root: Authority) -> ServerTLS:
    tls = ServerTLS()
    tls.present(*root.issue("server"))
    return tls


@pytest.mark.attack("P09")
@pytest.mark.parametrize("first", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
async def test_a_handshake_that_does_not_finish_ends(first: bytes) -> None:
    registry = CollectorRegistry()
    metrics = ConnectionMetrics(registry)
    async with run_listener(early, QUICK, make_tls(Authority("Root")), metrics=metrics) as port:
        async with connect(port) as (reader, writer):
            writer.write(first)
            assert await rest(reader) == b""

        async def is_empty() -> bool:
            return registry.get_sample_value("newel_connections", {"listener": "https"}) == 0

        await until(is_empty)


@pytest.mark.attack("P09")
@pytest.mark.parametrize("secure", [False, True])
async def test_one_address_has_so_many_connections_and_gets_them_back(secure: bool) -> None:
    root = Authority("Root")
    tls = make_tls(root) if secure else None
    context = ssl.create_default_context(cadata=root.pem) if secure else None
    registry = CollectorRegistry()
    async with run_listener(
        deaf, SMALL, tls, name="http", metrics=ConnectionMetrics(registry)
    ) as port:
        async with contextlib.AsyncExitStack() as held:
            for _ in range(SMALL.per_address):
                _, writer = await held.enter_async_context(connect(port, context))
                writer.write(GET)
            assert await request(port, context) == b""
            labels = {"listener": "http", "reason": "address"}
            assert registry.get_sample_value("newel_connections_refused_total", labels) == 1

        async def is_empty() -> bool:
            count = registry.get_sample_value("newel_connections", {"listener": "http"})
            return count == 0

        await until(is_empty)
    async with run_listener(early, SMALL, tls) as port:
        for _ in range(3 * SMALL.per_address):  # each ends before the next
            assert await request(port, context) == b"HTTP/1.1 200 OK\r\n"
            await asyncio.sleep(0.02)


@pytest.mark.attack("P09")
async def test_a_trusted_balancer_has_no_bound_of_its_own() -> None:
    limits = ConnectionLimits(listener=64, per_address=2)  # the loopback is trusted by default
    async with run_listener(early, limits) as port, contextlib.AsyncExitStack() as held:
        for _ in range(20):
            await held.enter_async_context(connect(port))
        assert await request(port) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.attack("P09")
async def test_idle_connections_make_room_in_a_full_listener() -> None:
    limits = ConnectionLimits(listener=8)
    async with run_listener(early, limits) as port, contextlib.AsyncExitStack() as held:
        for _ in range(8):
            reader, writer = await held.enter_async_context(connect(port))
            writer.write(GET)
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        for _ in range(20):
            assert await request(port) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.attack("P09")
async def test_a_crowd_on_one_listener_leaves_the_others_alone() -> None:
    limits = ConnectionLimits(listener=8)
    async with (
        run_listener(deaf, limits) as full,
        run_listener(early, limits, name="health") as other,
        contextlib.AsyncExitStack() as held,
    ):
        for _ in range(8):
            _, writer = await held.enter_async_context(connect(full))
            writer.write(GET)
        assert await request(full) == b""
        assert await request(other) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.attack("P09")
async def test_the_workers_of_a_program_count_together() -> None:
    memory = TableMemory()

    def counts(worker: int, process_id: int) -> WorkerCounts:
        return WorkerCounts(SharedTable(memory.descriptor), worker, 2, process_id)

    async with (
        run_listener(respond_in_part, SMALL, workers=counts(0, 10)) as first,
        run_listener(respond_in_part, SMALL, workers=counts(1, 11)) as second,
        contextlib.AsyncExitStack() as held,
    ):
        for port in (first, second, first):  # per_address is 3
            await hold(held, port)
        for port in (first, second):
            assert await request(port) == b""
        counts(1, 12)  # the second worker died and was started again
        await hold(held, first)
        assert await request(first) == b""


async def test_a_listener_s_bound_holds_for_all_workers() -> None:
    memory, limits = TableMemory(), ConnectionLimits(listener=8)
    tables = [SharedTable(memory.descriptor) for _ in range(2)]
    async with (
        run_listener(respond_in_part, limits, workers=WorkerCounts(tables[0], 0, 2, 10)) as first,
        run_listener(respond_in_part, limits, workers=WorkerCounts(tables[1], 1, 2, 11)) as second,
        contextlib.AsyncExitStack() as held,
    ):
        for port in (first, second) * 4:
            await hold(held, port)
        assert await request(first) == b""
        assert await request(second) == b""


@pytest.mark.parametrize("secure", [False, True])
async def test_256_clients_behind_one_address_are_served_by_default(secure: bool) -> None:
    root = Authority("Root")
    tls = make_tls(root) if secure else None
    context = ssl.create_default_context(cadata=root.pem) if secure else None
    limits = ConnectionLimits(trusted=FAR_AWAY)
    async with run_listener(early, limits, tls) as port, contextlib.AsyncExitStack() as held:
        crowd = [await held.enter_async_context(connect(port, context)) for _ in range(256)]
        for _, writer in crowd:
            writer.write(GET)
        async with asyncio.timeout(TIMEOUT):
            for reader, _ in crowd:
                assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("said", [GET, POST + b"content-length: 3\r\n\r\nabc", b"get"])
async def test_plain_http_to_a_tls_listener_is_told_so(said: bytes) -> None:
    tls = make_tls(Authority("Root"))
    async with (
        run_listener(early, ConnectionLimits(), tls) as port,
        connect(port) as (reader, writer),
    ):
        writer.write(said)
        told = await rest(reader)
    assert told == (
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    )


async def test_what_is_neither_is_closed_without_a_word() -> None:
    async with run_listener(early, ConnectionLimits(), make_tls(Authority("Root"))) as port:
        for said in (b"\x00\x01", b"\x80\x2e\x01\x00\x02"):
            async with connect(port) as (reader, writer):
                writer.write(said)
                assert await rest(reader) == b""


def test_each_listener_has_its_share_of_the_descriptors() -> None:
    limits = ConnectionLimits()
    names = ("https", "http", "health")
    for descriptors in (LEAST_DESCRIPTORS, 256, 1024, 65_536):
        shares = [limits.most(name, descriptors) for name in names]
        assert sum(shares) + OWN_DESCRIPTORS <= descriptors
        assert all(share >= 8 for share in shares)
    assert limits.most("https", 1024) > 256
    assert limits.most("https", 65_536) == limits.listener
    with pytest.raises(ConfigError, match="ulimit -n"):
        limits.most("https", LEAST_DESCRIPTORS - 1)
    with pytest.raises(ConfigError, match=r"connections\.listener: 2048 connections"):
        ConnectionLimits(listener=2048).most("https", 1024)
    assert claim_descriptors() >= LEAST_DESCRIPTORS


def test_bounds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="per_address is more than listener"):
        ConnectionLimits(listener=10, per_address=11)
    ConnectionLimits(listener=10)  # is the bound of an address, too
