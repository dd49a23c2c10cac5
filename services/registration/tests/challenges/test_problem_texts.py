"""What a failed challenge tells: what was tried, at which address, by which resolver, what came back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from fakes.name_server import NameServer
from fixtures.processes import free_port
from fixtures.validations import validation_of
from newel.acme.identifiers import Identifier
from newel.registration.challenges.dns_01 import DNS01Validator
from newel.registration.challenges.http_01 import HTTP01Validator
from newel.registration.challenges.name_servers import NameServers
from newel.registration.challenges.tls_alpn_01 import TLSALPN01Validator
from newel.registration.challenges.validation import Validator
from newel.runtime.egress import EgressPolicy
from newel.runtime.errors import NewelError

NAME = Identifier("dns", "a.example")
ANSWER = "token.thumbprint"


def policy_of(dns: NameServer) -> EgressPolicy:
    servers = NameServers([("127.0.0.1", dns.port)], EgressPolicy())
    return EgressPolicy(resolver=servers.addresses, resolver_name=servers.names)


async def read_detail(validator: Validator) -> str:
    with pytest.raises(NewelError) as caught:
        await validator(validation_of(NAME, ANSWER))
    return caught.value.detail


@asynccontextmanager
async def serve(octets: bytes, *, first: str = "") -> AsyncGenerator[int]:
    """Answers every connection with these octets; with ``first``, that path redirects there once."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.read(4096)
        moved = f"HTTP/1.1 302 Found\r\nLocation: {first}\r\nContent-Length: 0\r\n\r\n".encode()
        writer.write(moved if first and b"acme-challenge" in head else octets)
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def response(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


URL = "http://a.example/.well-known/acme-challenge/token"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        ("404 Not Found", b"<html>\r\n<b>no\x1b[2J", 'the status 404: "<html>  <b>no [2J"'),
        ("500 X", b"x" * 5000, 'the status 500: "' + "x" * 64 + '…"'),
        ("403 X", b"", "the status 403"),
        ("200 OK", b"", "with nothing"),
        ("200 OK", b"token.other", "the key authorization of another account key"),
        ("200 OK", b"token.thumbprint!!", "2 octets after the key authorization"),
        ("200 OK", b"hello \xff", 'another text than the key authorization: "hello \ufffd"'),
    ],
)
async def test_what_a_web_server_answered(
    dns: NameServer, status: str, body: bytes, words: str
) -> None:
    async with serve(response(status, body)) as port:
        detail = await read_detail(HTTP01Validator(policy_of(dns), port))
    assert words in detail
    assert f"{URL} at 127.0.0.1:{port}" in detail
    assert detail.isprintable()


@pytest.mark.attack("A13")
async def test_after_a_redirect_nothing_of_the_answer_is_quoted(dns: NameServer) -> None:
    secret = response("404 Not Found", b"the wage list")
    async with serve(secret, first="http://b.example/wages?of=me") as port:
        detail = await read_detail(HTTP01Validator(policy_of(dns), port))
    assert "redirects to http://b.example/wages?of=me" in detail
    assert f"127.0.0.1:{port} answers with the status 404" in detail
    assert "wage list" not in detail


async def test_every_address_that_was_tried_is_named(dns: NameServer) -> None:
    dns.set("a.example", "A", ["127.0.0.1", "127.0.0.2"])
    port = free_port()
    for validator in (
        HTTP01Validator(policy_of(dns), port),
        TLSALPN01Validator(policy_of(dns), port),
    ):
        detail = await read_detail(validator)
        for address in ("127.0.0.1", "127.0.0.2"):
            assert f"{address}:{port}: connection refused" in detail
        assert f"connecting to a.example port {port} failed" in detail


async def test_time_that_ran_out_says_where(dns: NameServer) -> None:
    ended = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        detail = await read_detail(HTTP01Validator(policy_of(dns), port, 0.3))
        await ended.wait()
    assert f"in 0.3 s: the time ran out while 127.0.0.1:{port} was to answer" in detail


async def test_who_resolved_a_name_is_named(dns: NameServer) -> None:
    for validator in (HTTP01Validator(policy_of(dns)), TLSALPN01Validator(policy_of(dns))):
        dns.anywhere = None
        assert f"no address found for a.example: {dns.address} has none" in await read_detail(
            validator
        )
        dns.failing.add("a.example")
        assert f"{dns.address}: SERVFAIL" in await read_detail(validator)
        dns.failing.clear()


async def test_what_the_name_servers_said(dns: NameServer) -> None:
    owner, validator = (
        "_acme-challenge.a.example",
        DNS01Validator(NameServers([("127.0.0.1", dns.port)], EgressPolicy())),
    )
    assert await read_detail(validator) == f"dns-01: {owner} has no TXT record, says {dns.address}"
    dns.anywhere = None
    assert "says 127.0.0.1" in (nothing := await read_detail(validator))
    assert "(NXDOMAIN)" in nothing
    dns.set(owner, "TXT", ['"1"', f'"{"2" * 40}"', '"3"', '"4"'])
    detail = await read_detail(validator)
    assert f'{dns.address} has "1", "{"2" * 32}…", "3" …' in detail
    assert "none of the 4 TXT records" in detail


async def test_a_port_that_speaks_no_tls_is_named(dns: NameServer) -> None:
    async with serve(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        detail = await read_detail(TLSALPN01Validator(policy_of(dns), port))
    assert f"the handshake with 127.0.0.1:{port} for a.example failed: " in detail
