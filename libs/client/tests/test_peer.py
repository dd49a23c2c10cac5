"""The peer's identity in ASGI applications, from TLS and from a proxy that is trusted."""

import asyncio
import base64
import ssl
import threading
import time
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
import uvicorn

from newel.client.identity import Identity
from newel.client.peer import Peer, PeerIdentity
from newel.client.throwaway import ThrowawayAuthority
from newel.client.throwaway_server import ThrowawayServer
from newel.client.uvicorn_peer import PeerProtocol


async def whoami(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Answers with the peer's name."""
    if scope["type"] != "http":
        return
    peer = scope["peer"]
    body = peer.common_name.encode() if peer else b"anonymous"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def ask(app: PeerIdentity, **scope: Any) -> str:
    """What the application answers to one request."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    asyncio.run(app({"type": "http", "headers": [], **scope}, receive, send))
    return sent[1]["body"].decode()


@pytest.fixture
def leaf() -> bytes:
    return ThrowawayAuthority().issue_cert("a.internal", "spiffe://td/a").chain[0]


def test_what_a_peer_is(leaf: bytes) -> None:
    peer = Peer((leaf,))
    assert peer.common_name == "a.internal"
    assert peer.names == {"a.internal", "spiffe://td/a"}
    assert peer.spiffe_id == "spiffe://td/a"
    assert len(peer.fingerprint) == 64
    assert peer.serial == peer.certificate.serial_number


def test_only_named_proxies_speak_for_clients(leaf: bytes) -> None:
    header = b":" + base64.b64encode(leaf) + b":"
    headers = [(b"client-cert", header)]
    app = PeerIdentity(whoami, proxies=["10.0.0.1"])
    assert ask(app, headers=headers, client=("10.0.0.1", 1)) == "a.internal"
    assert ask(app, headers=headers, client=("10.0.0.2", 1)) == "anonymous"
    assert ask(app, headers=[], client=("10.0.0.1", 1)) == "anonymous"
    for broken in (b"", b":", b"::", b":!!:", b":AAAA:", header[:-1]):
        assert ask(app, headers=[(b"client-cert", broken)], client=("10.0.0.1", 1)) == "anonymous"


def test_a_forged_header_never_reaches_the_application(leaf: bytes) -> None:
    seen: list[Any] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope["headers"])
        await whoami(scope, receive, send)

    headers = [(b"client-cert", b":AAAA:"), (b"accept", b"*/*")]
    assert ask(PeerIdentity(app), headers=headers, client=("10.0.0.2", 1)) == "anonymous"
    assert seen == [[(b"accept", b"*/*")]]


def test_uvicorn_with_renewing_certificates() -> None:
    """A server and a client that both renew, and the application knows who calls."""
    with (
        ThrowawayServer(ThrowawayAuthority()) as authority,
        Identity.from_token(authority.token("localhost")) as serving,
        Identity.from_token(authority.token("client.internal")) as calling,
    ):

        def context_of(_: uvicorn.Config, __: object) -> ssl.SSLContext:
            return serving.server_context(require_client="optional")

        config = uvicorn.Config(
            PeerIdentity(whoami),
            port=0,
            log_level="error",
            http=PeerProtocol,
            lifespan="off",
            ssl_context_factory=context_of,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            port = server.servers[0].sockets[0].getsockname()[1]
            url = f"https://localhost:{port}/"
            for _ in range(3):
                with httpx.Client(verify=calling.client_context()) as client:
                    assert client.get(url).text == "client.internal"
                serving.renew()
                calling.renew()
            context = serving.client_context().current()
            with httpx.Client(verify=context) as client:
                assert client.get(url).text == "localhost"
        finally:
            server.should_exit = True
            thread.join(10)
