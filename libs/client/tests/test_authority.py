"""What a client makes of answers, good and bad, from threads and from an event loop."""

import json
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from fixtures.processes import free_port
from newel.client import calls, rotating
from newel.client.async_authority import AsyncAuthority
from newel.client.authority import Authority
from newel.client.errors import (
    AnswerError,
    ClientError,
    RefusedError,
    UnreachableError,
    UntrustedError,
)
from newel.client.throwaway import ThrowawayAuthority
from newel.client.trust import base_url, client_tls

Send = Callable[[str, ssl.SSLContext, calls.Call[Any]], Awaitable[Any]]


async def sync_send(url: str, tls: ssl.SSLContext, call: calls.Call[Any]) -> Any:
    with Authority(url, tls, seconds=2) as authority:
        return authority.send(call)


async def async_send(url: str, tls: ssl.SSLContext, call: calls.Call[Any]) -> Any:
    async with AsyncAuthority(url, tls, seconds=2) as authority:
        return await authority.send(call)


@pytest.fixture(params=[sync_send, async_send], ids=["threads", "asyncio"])
def send(request: pytest.FixtureRequest) -> Send:
    return request.param


@contextmanager
def answer(authority: ThrowawayAuthority, raw: bytes) -> Generator[str]:
    """A TLS server that gives every caller the same octets."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rotating.load(tls, authority.issue_cert("localhost"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with tls.wrap_socket(connection, server_side=True) as peer:
                        peer.recv(65536)
                        peer.sendall(raw)
                        peer.unwrap()
                except OSError:
                    continue

        threading.Thread(target=serve, daemon=True).start()
        yield f"https://localhost:{listener.getsockname()[1]}"


def http(status: int, body: bytes, *more: str) -> bytes:
    head = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *more,
        "",
        "",
    ]
    return "\r\n".join(head).encode() + body


@pytest.fixture(scope="module")
def authority() -> ThrowawayAuthority:
    return ThrowawayAuthority()


async def test_good_answers(authority: ThrowawayAuthority, send: Send) -> None:
    body = json.dumps({"crt": "A", "ca": "B", "certChain": ["A", "B"]}).encode()
    with answer(authority, http(201, body)) as url:
        issued = await send(url, client_tls(authority.root_pem), calls.renew())
    assert issued.pem == b"A\nB\n"
    body = json.dumps({"provisioners": None, "nextCursor": ""}).encode()
    with answer(authority, http(200, body)) as url:
        page = await send(url, client_tls(authority.root_pem), calls.provisioners())
    assert (page.provisioners, page.next_cursor) == ([], "")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (http(200, b"[]"), AnswerError),
        (http(200, b"{"), AnswerError),
        (http(200, b'{"status": 1}'), AnswerError),
        (http(200, b"[" * 100_000), AnswerError),
        (http(200, b"x" * (calls.LARGEST_ANSWER + 1)), AnswerError),
        (http(302, b"", "Location: https://elsewhere.example/"), RefusedError),
        (http(503, b"<html>"), RefusedError),
        (b"garbage\r\n\r\n", UnreachableError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", UnreachableError),
        (b"", UnreachableError),
    ],
    ids=[
        "list",
        "half",
        "number",
        "deep",
        "huge",
        "redirect",
        "proxy",
        "garbage",
        "short",
        "silence",
    ],
)
async def test_answers_that_are_none(
    authority: ThrowawayAuthority, send: Send, raw: bytes, kind: type[ClientError]
) -> None:
    """A typed error each, in one line, whatever the server does."""
    with answer(authority, raw) as url, pytest.raises(kind) as caught:
        await send(url, client_tls(authority.root_pem), calls.health())
    assert "\n" not in str(caught.value)


async def test_a_refusal_keeps_the_authoritys_words(
    authority: ThrowawayAuthority, send: Send
) -> None:
    body = json.dumps({"status": 401, "message": "The request lacked authorization."}).encode()
    with (
        answer(authority, http(401, body)) as url,
        pytest.raises(RefusedError, match=r"^The request lacked authorization\.$") as caught,
    ):
        await send(url, client_tls(authority.root_pem), calls.renew())
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 0), ("-1", None), ("1.5", None), ("9" * 30, None), ("Fri, 31 Dec 1999", None)],
)
async def test_a_refusal_says_when_to_ask_again(
    authority: ThrowawayAuthority, send: Send, header: str, seconds: int | None
) -> None:
    for headers, expected in (([f"Retry-After: {header}"], seconds), ([], None)):
        with (
            answer(authority, http(503, b"", *headers)) as url,
            pytest.raises(RefusedError) as caught,
        ):
            await send(url, client_tls(authority.root_pem), calls.health())
        assert caught.value.retry_after == expected


@pytest.mark.attack("T01")
async def test_strangers_and_nobody(authority: ThrowawayAuthority, send: Send) -> None:
    with answer(authority, http(200, b'{"status": "ok"}')) as url:
        with pytest.raises(UntrustedError, match="failed to verify certificate"):
            await send(url, client_tls(ThrowawayAuthority("other").root_pem), calls.health())
        with pytest.raises(UntrustedError):
            await send(
                url.replace("localhost", "127.0.0.1"),
                client_tls(authority.root_pem),
                calls.health(),
            )
    port = free_port()
    with pytest.raises(
        UnreachableError, match=f"client GET https://localhost:{port}/health failed"
    ):
        await send(f"https://localhost:{port}", client_tls(authority.root_pem), calls.health())


async def test_what_the_network_says_is_in_words(send: Send) -> None:
    """Neither numbers of errors nor what Python calls them."""
    tls = client_tls(ThrowawayAuthority("a").root_pem)
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def speak() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(65536)

        threading.Thread(target=speak, daemon=True).start()
        port = plain.getsockname()[1]
        with pytest.raises(UnreachableError, match=r"failed: tls: [a-z ]+$"):
            await send(f"https://127.0.0.1:{port}", tls, calls.health())
    with pytest.raises(UnreachableError, match=r"failed: connection refused$"):
        await send(f"https://127.0.0.1:{free_port()}", tls, calls.health())
    with pytest.raises(UnreachableError, match=r"failed: [a-z -]+$"):
        await send("https://no-such.invalid", tls, calls.health())


def test_addresses() -> None:
    assert base_url("ca.internal") == "https://ca.internal"
    assert base_url("https://ca.internal:8443/acme?x=y") == "https://ca.internal:8443"
    assert base_url("[::1]:9000") == "https://[::1]:9000"
    for bad in ("http://ca.internal", "https://", "https://a b", "https://ca:99999"):
        with pytest.raises(ValueError, match="'"):
            base_url(bad)
