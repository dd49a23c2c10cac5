"""Where outgoing connections may lead (attacks A13, A14, P06)."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from newel.runtime.egress import (
    EgressError,
    EgressPolicy,
    EgressRefusedError,
    ResolutionError,
    parse_networks,
)
from newel.runtime.http.fetch import FetchError, FetchLimits, http_get

OPEN = EgressPolicy()


@pytest.mark.attack("A13")
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
        "::a9fe:a9fe", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "::",
        "fe80::1%eth0", "255.255.255.255", "224.0.0.1", "not an address", "0251.0376.0251.0376",
    ],
)  # fmt: skip # words in rows
async def test_metadata_and_nonsense_are_refused_in_every_spelling(address: str) -> None:
    with pytest.raises(EgressRefusedError):
        OPEN.check(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd12::1", "8.8.8.8"]
)
def test_the_networks_of_a_private_authority_are_open_by_default(address: str) -> None:
    assert str(OPEN.check(address)) == address


@pytest.mark.attack("A14")
async def test_configured_networks_are_refused_for_names_and_literal_addresses() -> None:
    async def resolver(host: str) -> Sequence[str]:
        return {"inside.example": ["10.0.0.5"], "both.example": ["192.0.2.1", "10.0.0.5"]}[host]

    policy = EgressPolicy(deny=parse_networks(["10.0.0.0/8"]), resolver=resolver)
    for host in ("10.0.0.5", "[::ffff:10.0.0.5]", "inside.example", "both.example"):
        with pytest.raises(EgressRefusedError):
            await policy.resolve(host)
    only = EgressPolicy(allow=parse_networks(["192.0.2.0/24"]))
    with pytest.raises(EgressRefusedError):
        only.check("127.0.0.1")


async def test_a_name_without_an_address_says_so() -> None:
    with pytest.raises(ResolutionError, match=r"no address found for nowhere\.invalid"):
        await OPEN.resolve("nowhere.invalid")


@asynccontextmanager
async def server(*answers: bytes, pause: float = 0) -> AsyncGenerator[tuple[int, list[bytes]]]:
    """Answers each connection with the next of some raw answers; notes what was asked."""
    asked: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        await asyncio.sleep(pause)
        writer.write(left.pop(0))
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1], asked


def limits(port: int, **changes: float) -> FetchLimits:
    return FetchLimits(ports={"http": port, "https": port}, **changes)  # pyright: ignore[reportArgumentType]


async def test_a_plain_answer_arrives_whole() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") as (port, asked):
        answer = await http_get("http://127.0.0.1/.well-known/x", OPEN, limits(port))
    assert (answer.status, answer.body, answer.endpoint) == (200, b"hello", f"127.0.0.1:{port}")
    assert asked[0].startswith(b"GET /.well-known/x HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_chunks_are_joined_and_redirects_followed() -> None:
    async with server(
        b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    ) as (port, asked):
        answer = await http_get("http://127.0.0.1/here", OPEN, limits(port))
    assert answer.body == b"abcde"
    assert asked[1].startswith(b"GET /there ")


@pytest.mark.attack("A13")
@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:22/", "gopher://127.0.0.1/",
        "file:///etc/passwd", "http://user@127.0.0.1/", "http://[::ffff:a9fe:a9fe]/", "http://127.0.0.1:99999/",
    ],
)  # fmt: skip # words in rows
async def test_a_redirect_to_where_nobody_may_go_is_not_followed(location: str) -> None:
    redirect = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode()
    async with server(redirect) as (port, asked):
        with pytest.raises(EgressError):
            await http_get("http://127.0.0.1/", OPEN, limits(port))
    assert len(asked) == 1


@pytest.mark.attack("A13")
async def test_loops_floods_and_silence_end() -> None:
    loop = b"HTTP/1.1 301 Moved\r\nLocation: /again\r\n\r\n"
    async with server(*[loop] * 12) as (port, asked):
        with pytest.raises(FetchError, match="more than 10 redirects"):
            await http_get("http://127.0.0.1/", OPEN, limits(port))
    assert len(asked) == 11
    for flood in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
        b"HTTP/1.1 200 " + b"x" * 100_000,
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"",
    ):
        async with server(flood) as (port, _):
            with pytest.raises(FetchError):
                await http_get("http://127.0.0.1/", OPEN, limits(port))
    async with server(b"", pause=5) as (port, _):
        with pytest.raises(FetchError, match="the time ran out"):
            await http_get("http://127.0.0.1/", OPEN, limits(port, seconds=0.2))
