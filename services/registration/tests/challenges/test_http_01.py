"""http-01 against real servers on this machine: RFC 8555 §8.3, attacks A13 and A14."""

import asyncio
import gzip
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from fakes.name_server import NameServer
from fixtures.processes import free_port
from fixtures.validations import validation_of
from newel.acme.identifiers import Identifier
from newel.registration.challenges.http_01 import HTTP01Validator
from newel.runtime.egress import EgressPolicy, Resolver, parse_networks
from newel.runtime.errors import ErrorType, NewelError

NAME = Identifier("dns", "a.example")
ANSWER = "token.thumbprint"
PATH = "/.well-known/acme-challenge/token"

Handler = Callable[[str, asyncio.StreamWriter], Awaitable[object]]


async def loopback(_: str) -> Sequence[str]:
    return ["127.0.0.1"]


OPEN = EgressPolicy(resolver=loopback)


@asynccontextmanager
async def serve_newel(handler: Handler) -> AsyncGenerator[int]:
    """A server that reads a request's head and leaves the rest to ``handler``; its port."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            await handler(head, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def respond(body: bytes, status: str = "200 OK", *headers: str) -> Handler:
    async def handler(_: str, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return handler


def redirect(location: str) -> Handler:
    return respond(b"", "302 Found", f"Location: {location}")


async def validate(port: int, policy: EgressPolicy = OPEN, seconds: float = 5.0) -> None:
    await HTTP01Validator(policy, port, seconds)(validation_of(NAME, ANSWER))


PYTHONS_WORDS = re.compile(r"Errno|Error\b|None|b'|\('|literal|bytes read|_ssl|\bdict\b")


async def refusal(work: Awaitable[object]) -> NewelError:
    """What the client is told: without the answer expected, and in no language but its own."""
    with pytest.raises(NewelError) as caught:
        await work
    assert "thumbprint" not in caught.value.detail
    assert not PYTHONS_WORDS.search(caught.value.detail), caught.value.detail
    return caught.value


async def test_the_answer_is_fetched_from_the_host_itself() -> None:
    heads: list[str] = []

    async def handler(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await respond(ANSWER.encode() + b" \r\n")(head, writer)

    async with serve_newel(handler) as port:
        await validate(port)
    assert heads[0].startswith(f"GET {PATH} HTTP/1.1\r\nHost: a.example")


async def test_an_address_is_asked_at_that_address() -> None:
    """RFC 8738 §4."""
    async with serve_newel(respond(ANSWER.encode())) as port:
        await HTTP01Validator(EgressPolicy(), port)(
            validation_of(Identifier("ip", "127.0.0.1"), ANSWER)
        )


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (respond(b"wrong"), ErrorType.INCORRECT_RESPONSE),
        (respond(b""), ErrorType.INCORRECT_RESPONSE),
        (respond(b"x" + ANSWER.encode()), ErrorType.INCORRECT_RESPONSE),
        (respond(ANSWER.encode(), "404 Not Found"), ErrorType.UNAUTHORIZED),
        (respond(ANSWER.encode(), "500 Oh"), ErrorType.UNAUTHORIZED),
        (respond(ANSWER.encode(), "abc"), ErrorType.CONNECTION),
    ],
)
async def test_wrong_answers(handler: Handler, kind: ErrorType) -> None:
    async with serve_newel(handler) as port:
        assert (await refusal(validate(port))).type is kind


async def test_a_redirect_is_followed_with_its_query() -> None:
    async def handler(head: str, writer: asyncio.StreamWriter) -> None:
        if head.startswith("GET /elsewhere?a=b "):
            await respond(ANSWER.encode())(head, writer)
        else:
            await redirect("/elsewhere?a=b")(head, writer)

    async with serve_newel(handler) as port:
        await validate(port)


@pytest.mark.attack("A13")
@pytest.mark.parametrize(
    "location",
    [
        "http://a.example:22/",
        "http://a.example:8500/v1/kv",
        "gopher://a.example/",
        "file:///etc/passwd",
        "http://user:password@a.example/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://100.100.100.200/",
        "http://a.example/\x00",
        "http:///nohost",
        "http://a.example:99999/",
    ],
)
async def test_redirects_to_forbidden_places(location: str) -> None:
    async with serve_newel(redirect(location)) as port:
        error = await refusal(validate(port))
    assert error.type in {ErrorType.UNAUTHORIZED, ErrorType.CONNECTION}


@pytest.mark.attack("A22")
@pytest.mark.parametrize("resolver", [loopback, None], ids=["any name", "the system's names"])
@pytest.mark.parametrize(
    "location",
    [
        "http://a..b/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 200 + "example/",
        "https://xn--\xe9.b/",
        "http://\xe9.example/",
        "http://[::1",
        "http://::1]/",
        "http://[zz]/",
        "http://[::1]x/",
        "http://[v1.x]/",
        "http://a.example:port/",
        "http://a.example:-1/",
        "http://.a.example/",
        "https://.a.example/",
        "http://a.example../",
        "http://%00/",
        "http://%2e%2e/",
        "http://a.example\\@b/",
        "http://a,b/",
        "///",
        "http:",
        "http://[::ffff:1.2.3.4.5]/",
        "http://\u200b.example/",
        "http://a.example/ b",
        "x" * 3000,
    ],
)
async def test_redirects_that_are_malformed_in_any_way_are_refused_in_words(
    location: str, resolver: Resolver | None
) -> None:
    async with serve_newel(redirect(location)) as port:
        # the first hop is an address, so that it needs no resolver
        look_there = HTTP01Validator(EgressPolicy(resolver=resolver), port, 5.0)
        error = await refusal(look_there(validation_of(Identifier("ip", "127.0.0.1"), ANSWER)))
    assert error.type in {ErrorType.UNAUTHORIZED, ErrorType.CONNECTION, ErrorType.DNS}
    assert error.detail.startswith("http-01: ")


async def test_redirects_with_unusual_names_and_paths_are_followed() -> None:
    paths: list[str] = []

    async def handler(head: str, writer: asyncio.StreamWriter) -> None:
        paths.append(head.split()[1])
        if len(paths) > len(unusual):
            await respond(ANSWER.encode())(head, writer)
        else:
            await redirect(unusual[len(paths) - 1])(head, writer)

    unusual = ["http://my_host.example/x", "http://xn--bcher-kva.example./", "/caf\xe9?q=\xfc"]
    async with serve_newel(handler) as port:
        await validate(port)
    assert paths == [PATH, "/x", "/", "/caf%C3%A9?q=%C3%BC"]


async def test_interim_answers_are_passed_over_but_not_for_ever() -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    def after(hints: int) -> Handler:
        async def handler(head: str, writer: asyncio.StreamWriter) -> None:
            writer.write(hint * hints)
            await respond(ANSWER.encode())(head, writer)

        return handler

    async with serve_newel(after(2)) as port:
        await validate(port)
    async with serve_newel(after(100)) as port:
        assert (await refusal(validate(port))).type is ErrorType.CONNECTION


async def test_an_https_redirect_may_go_to_the_configured_port() -> None:
    location = "https://a.example:5002/"
    async with serve_newel(redirect(location)) as port:
        assert (await refusal(validate(port))).type is ErrorType.UNAUTHORIZED
        allowed = HTTP01Validator(OPEN, port, 5.0, https_port=5002)
        # no server listens there: the attempt is what counts
        assert (await refusal(allowed(validation_of(NAME, ANSWER)))).type is ErrorType.CONNECTION


def raw(octets: bytes) -> Handler:
    async def handler(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()

    return handler


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "ended too early"),
        (OK, "ended too early"),
        (OK + b"Content-Length: 50\r\n\r\nshort", "ended too early"),
        (OK + b"Content-Length: -1\r\n\r\n", "not a number"),
        (OK + b"Content-Length: 1_0\r\n\r\n", "not a number"),
        (OK + b"Content-Length: x\r\n\r\n", "not a number"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "not a number"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", "not a number"),
        (OK + b"X: " + b"y" * 20_000 + b"\r\n\r\n", "too long"),
        (b"HTTP/1.1 2_0 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 99999 OK\r\n\r\n", "status line"),
        (b"\x16\x03\x01\x00\x00\n", "status line"),
        (b"SSH-2.0-OpenSSH\r\n", "status line"),
    ],
)
async def test_what_is_no_http_is_refused_in_plain_words(octets: bytes, words: str) -> None:
    async with serve_newel(raw(octets)) as port:
        error = await refusal(validate(port))
    assert error.type is ErrorType.CONNECTION
    assert words in error.detail


async def test_a_refused_connection_and_a_failed_handshake_are_told_in_plain_words() -> None:
    assert "connection refused" in (await refusal(validate(free_port()))).detail
    async with serve_newel(raw(b"not TLS at all\r\n\r\n")) as plain:
        location = f"https://a.example:{plain}/"
        async with serve_newel(redirect(location)) as port:
            error = await refusal(
                HTTP01Validator(OPEN, port, 5.0, https_port=plain)(validation_of(NAME, ANSWER))
            )
    assert error.type is ErrorType.CONNECTION


@pytest.mark.attack("A13")
@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "017700000001", "127.1"])
async def test_old_spellings_of_addresses_are_held_against_the_policy(spelling: str) -> None:
    policy = EgressPolicy(deny=parse_networks(["127.0.0.0/8"]), resolver=None)
    error = await refusal(
        HTTP01Validator(policy, 80, 5.0)(validation_of(Identifier("dns", spelling), ANSWER))
    )
    assert error.type in {ErrorType.UNAUTHORIZED, ErrorType.DNS}


@pytest.mark.attack("A13")
async def test_loops_and_long_chains_end() -> None:
    hops: list[str] = []

    async def handler(head: str, writer: asyncio.StreamWriter) -> None:
        hops.append(head)
        await redirect(f"/{len(hops)}")(head, writer)

    async with serve_newel(handler) as port:
        assert (await refusal(validate(port))).type is ErrorType.CONNECTION
    assert len(hops) == 11


@pytest.mark.attack("A13")
async def test_a_name_that_leads_elsewhere_at_the_second_look_is_pinned_at_each_hop() -> None:
    """DNS rebinding: what was checked is what is connected to."""
    looks: list[str] = []

    async def resolver(host: str) -> Sequence[str]:
        looks.append(host)
        return ["127.0.0.1"] if len(looks) == 1 else ["169.254.169.254"]

    async with serve_newel(respond(ANSWER.encode())) as port:
        await validate(port, EgressPolicy(resolver=resolver))
    assert looks == ["a.example"]
    looks.clear()
    async with serve_newel(redirect("http://a.example/again")) as port:
        error = await refusal(validate(port, EgressPolicy(resolver=resolver)))
    assert error.type is ErrorType.UNAUTHORIZED
    assert len(looks) == 2


@pytest.mark.attack("A13")
async def test_bodies_without_end_are_cut() -> None:
    async def endless(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _each in range(100_000):
            writer.write(b"x" * 65536)
            await writer.drain()

    async def gigabyte(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        await writer.drain()

    async def chunked_body(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n")
        await writer.drain()

    async def headers(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for each in range(100_000):
            writer.write(f"X-{each}: y\r\n".encode())
            await writer.drain()

    for handler in (endless, gigabyte, chunked_body, headers):
        async with serve_newel(handler) as port:
            assert (await refusal(validate(port))).type is ErrorType.CONNECTION


@pytest.mark.attack("A13")
async def test_a_gzip_bomb_is_octets_like_any_others() -> None:
    bomb = gzip.compress(b"x" * 1_000_000)[:900]
    async with serve_newel(respond(bomb, "200 OK", "Content-Encoding: gzip")) as port:
        assert (await refusal(validate(port))).type is ErrorType.INCORRECT_RESPONSE


@pytest.mark.attack("A13")
async def test_a_server_that_drips_is_left() -> None:
    async def drip(_: str, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serve_newel(drip) as port:
        assert (await refusal(validate(port, seconds=0.3))).type is ErrorType.CONNECTION


@pytest.mark.attack("A13")
async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serve_newel(respond(ANSWER.encode())) as port:
        await validate(port)


@pytest.mark.attack("A14")
async def test_addresses_are_held_against_the_policy_as_names_are() -> None:
    policy = EgressPolicy(deny=parse_networks(["127.0.0.0/8", "10.0.0.0/8"]))
    async with serve_newel(respond(ANSWER.encode())) as port:
        for address in ("127.0.0.1", "10.1.2.3", "169.254.169.254"):
            validator = HTTP01Validator(policy, port)
            error = await refusal(validator(validation_of(Identifier("ip", address), ANSWER)))
            assert error.type is ErrorType.UNAUTHORIZED
    only = EgressPolicy(allow=parse_networks(["192.0.2.0/24"]))
    error = await refusal(
        HTTP01Validator(only, port)(validation_of(Identifier("ip", "127.0.0.1"), ANSWER))
    )
    assert error.type is ErrorType.UNAUTHORIZED


async def test_no_server_listens_or_the_host_is_missing(dns: NameServer) -> None:
    port = free_port()
    assert (await refusal(validate(port))).type is ErrorType.CONNECTION

    async def nowhere(_: str) -> Sequence[str]:
        return []

    assert (await refusal(validate(port, EgressPolicy(resolver=nowhere)))).type is ErrorType.DNS
