"""P09 on a whole authority: clients that hold what they can, from one address, and everybody else beside them.

The authority may open 256 files. Without bounds two hundred connections made it unreachable for as long as they
were held: HTTPS, OCSP, lists and health checks alike.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fixtures.processes import free_block, free_port
from fixtures.running import Authority, configure, serve_newel
from fixtures.split import PROGRAMS, SPLIT_BLOCK, split_serving, split_state

FILES = 256
HELD = 200
HERE = "127.0.0.1"
ATTACKER = "127.0.0.2"
PATIENCE = 60.0

ACME = b"POST /acme/acme/new-account HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/jose+json\r\n"
HOLDS = {
    "an idle connection": b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a body that does not come": ACME + b"content-length: 1000\r\n\r\n",
    "a body after an early answer": (
        b"POST /acme/missing/new-account HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n"
    ),
    "a header that does not end": b"GET /health HTTP/1.1\r\nx: ",
    "a handshake that does not end": b"\x16\x03\x01",
    "nothing at all": b"",
}


@asynccontextmanager
async def open_connection(
    port: int, context: ssl.SSLContext | None, source: str
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    name = "localhost" if context else None
    reader, writer = await asyncio.open_connection(
        HERE, port, ssl=context, server_hostname=name, local_addr=(source, 0)
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def status(port: int, path: str, context: ssl.SSLContext | None, source: str = HERE) -> bytes:
    async with (
        open_connection(port, context, source) as (reader, writer),
        asyncio.timeout(PATIENCE),
    ):
        writer.write(
            f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
        )
        return (await reader.readline())[9:12]


async def end_of(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while await reader.read(1 << 16):
            pass


async def hold(authority: Authority, what: str, *paths: str) -> None:
    """Hold what one can of the authority, and see that everybody else is served, and that it ends.

    ``paths``: of the plain listener, each answered.
    """
    context = ssl.create_default_context(cafile=str(authority.root))
    raw = what in {"a handshake that does not end", "nothing at all"}
    async with contextlib.AsyncExitStack() as held:
        ends: list[asyncio.StreamReader] = []
        for port, tls in ((authority.port, None if raw else context), (authority.http_port, None)):
            for _ in range(HELD):
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    one = open_connection(port, tls, ATTACKER)
                    reader, writer = await held.enter_async_context(one)
                    writer.write(HOLDS[what])
                    ends.append(reader)
        assert await status(authority.port, "/health", context) == b"200"
        for path in paths:
            assert await status(authority.http_port, path, None) == b"200"
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*map(end_of, ends))
    assert await status(authority.port, "/health", context, ATTACKER) == b"200"


BOUNDS = {
    "trusted": [],
    "bodySeconds": 2,
    "headSeconds": 2,
    "handshakeSeconds": 2,
    "idleSeconds": 2,
}


@pytest.mark.attack("P09")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_holds_what_he_can_holds_nobody_up(tmp_path: Path, workers: str) -> None:
    state = tmp_path / "state"
    with serve_newel(state, free_port(), free_port()):
        pass
    configure(state, connections=BOUNDS)
    first = free_block(4)
    ports = first, first + 1
    with serve_newel(state, *ports, "--workers", workers, files=FILES) as (authority, process):
        for what in HOLDS:
            asyncio.run(hold(authority, what, "/readyz", "/crl"))
        assert process.poll() is None


@pytest.mark.attack("P09")
@pytest.mark.needs("curl", *PROGRAMS)
def test_who_holds_what_he_can_of_split_services_holds_nobody_up() -> None:
    """Each worker has fewer places than the attacker takes."""
    bounds = (
        "[runtime.connections]\nlistener = 64\ntrusted = []\nbody_seconds = 2\nhead_seconds = 2\n"
        "handshake_seconds = 2\nidle_seconds = 2\n"
    )
    first = free_block(SPLIT_BLOCK)
    ports = first, first + 1, first + 2
    with split_state() as state:
        (state / "extra").mkdir(parents=True)
        for service in ("registration", "validation"):
            (state / f"extra/{service}.toml").write_text(bounds)
        with split_serving(state, ports, "--workers", "2") as (split, process):
            for what in HOLDS:
                asyncio.run(hold(split, what, "/crl"))
                for service in ("registration", "validation"):
                    assert split.ready(service) == 200
            assert process.poll() is None
