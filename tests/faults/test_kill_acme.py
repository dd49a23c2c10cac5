"""X04 for ACME: the whole authority is killed amid many finalizations, and started again.

Whenever the kill comes: every order ends with one certificate, the one that is on record, and its
client gets it by polling; an order whose finalization never arrived is still ready.
"""

import asyncio
import http.client
import os
import signal
import sqlite3
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from fixtures.acme_account import Client, make_csr
from fixtures.acme_requests import Reply
from fixtures.acme_web_server import WebServer
from fixtures.processes import free_port
from fixtures.running import Authority, configure, serve_newel

ORDERS = 24


@dataclass(frozen=True, slots=True)
class Forward:
    """An ASGI application that is a running authority: what it is asked it asks there."""

    authority: Authority

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        status, headers, body = await asyncio.to_thread(self._ask, scope, message["body"])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _ask(self, scope: Any, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        context = ssl.create_default_context(cafile=str(self.authority.root))
        address = urlsplit(self.authority.url)
        connection = http.client.HTTPSConnection(address.netloc, timeout=20, context=context)
        try:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            connection.request(scope["method"], scope["raw_path"].decode(), body, headers)
            answer = connection.getresponse()
            fields = [
                (name.lower().encode(), value.encode()) for name, value in answer.getheaders()
            ]
            return answer.status, fields, answer.read()
        finally:
            connection.close()


async def finalize(client: Client, order: Reply) -> bool:
    """Whether the answer to a finalization arrived."""
    try:
        reply = await client.post(order["finalize"], {"csr": make_csr("localhost")})
    except (OSError, http.client.HTTPException):
        return False
    assert reply.status == 200, reply
    return True


async def ready_orders(client: Client, web: WebServer) -> list[Reply]:
    orders: list[Reply] = []
    for _ in range(ORDERS):
        order = await client.order("localhost")
        challenge = await client.challenge(order["authorizations"][0], "http-01")
        web.present(client, challenge["token"])
        await client.post(challenge["url"], {})
        orders.append(order)
    for order in orders:
        await client.poll(order["authorizations"][0])
    return orders


async def carry_through(client: Client, order: Reply) -> bytes:
    """The certificate of an order, polled for as a client does."""
    url = order.header("location")
    shown = await client.poll(url, "ready", "valid", "invalid")
    if shown["status"] == "ready":
        await finalize(client, order)
        shown = await client.poll(url)
    assert shown["status"] == "valid", shown
    return (await client.post(shown["certificate"])).body


@pytest.mark.attack("X04")
@pytest.mark.parametrize("after", [0.0, 0.03, 0.1])
async def test_orders_survive_the_kill(tmp_path: Path, after: float) -> None:
    state, ports, web = tmp_path / "state", (free_port(), free_port()), WebServer()
    listener = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with serve_newel(state, *ports):
        pass
    quick = {"http01Port": port, "validationDeadline": "900ms", "lostAfter": "1s"}
    configure(state, registration={"acme": quick})
    async with listener:
        with serve_newel(state, *ports) as (authority, process):
            client = Client(Forward(authority), host=f"localhost:{authority.port}")
            assert (await client.register()).status == 201
            orders = await ready_orders(client, web)
            loop = asyncio.get_running_loop()
            under_way = [loop.create_task(finalize(client, each)) for each in orders]
            await asyncio.sleep(after)
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.gather(*under_way)
        with serve_newel(state, *ports):
            chains = [await carry_through(client, order) for order in orders]
    leaves = [x509.load_pem_x509_certificate(chain) for chain in chains]
    assert len({leaf.serial_number for leaf in leaves}) == ORDERS
    database = sqlite3.connect(next((state / "db").glob("issuing*")))
    recorded = database.execute(
        "SELECT serial, signature FROM certificates WHERE subject_of_proof LIKE 'acme/%'"
    ).fetchall()
    database.close()
    serials = {int.from_bytes(serial, "big") for serial, signature in recorded if signature}
    assert serials == {leaf.serial_number for leaf in leaves}
