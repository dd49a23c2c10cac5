"""Clients without sockets: connections of the HTTPS listener's own protocol, in the server's process.

Everything of a request but TLS and the system's calls is worked through: the HTTP parser, the apps, the
databases. So what it costs can be counted without the noise of a network.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from newel.runtime.asgi import ASGIApp
from newel.runtime.http.admission import Admission, ConnectionMetrics
from newel.runtime.http.connection_limits import ConnectionLimits
from newel.runtime.http.listener import Listener, bind
from newel.runtime.http.protocol import BoundedProtocol, DatedHeaders

_MOST = 1024


class _TLS:
    """What the protocol asks of a TLS connection whose client showed a certificate, or none."""

    def __init__(self, certificate: bytes) -> None:
        self._certificate = certificate

    def getpeercert(self, binary_form: bool) -> bytes | None:
        return self._certificate or None

    def version(self) -> str:
        return "TLSv1.3"


class _Transport(asyncio.Transport):
    """A transport that hands over whole answers."""

    def __init__(self, certificate: bytes, answered: Callable[[bytes], None]) -> None:
        super().__init__(
            {
                "peername": ("127.0.0.1", 50000),
                "sockname": ("127.0.0.1", 443),
                "ssl_object": _TLS(certificate),
                "sslcontext": True,
            }
        )
        self._answered = answered
        self._closing = False

    def write(self, data: Any) -> None:
        self._answered(data)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = True

    def pause_reading(self) -> None:
        """Nothing is sent before the answer."""

    def resume_reading(self) -> None:
        """Nothing was held back."""

    def get_write_buffer_size(self) -> int:
        return 0


class Connections:
    """Kept-alive connections of so many clients to an app."""

    def __init__(self, app: ASGIApp, clients: int, certificate: bytes = b"") -> None:
        """``certificate`` is what every client shows in TLS (DER); without octets none shows one."""
        self._listener = Listener(app, bind("127.0.0.1:0"), name="https")
        self._listener.server_state.default_headers = DatedHeaders()
        limits = ConnectionLimits()
        self._admission = Admission(
            "https", limits, _MOST, lambda: False, ConnectionMetrics(CollectorRegistry())
        )
        self._requests: Iterator[bytes] = iter(())
        self._open = clients
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first_answer = b""
        self._protocols = [self._connect(limits, certificate) for _ in range(clients)]

    def _connect(self, limits: ConnectionLimits, certificate: bytes) -> BoundedProtocol:
        listener = self._listener
        protocol = BoundedProtocol(
            listener.config, listener.server_state, limits, self._admission, None
        )
        transport = _Transport(certificate, lambda answer: self._take(protocol, answer))
        protocol.connection_made(transport)
        return protocol

    async def drive(self, requests: Iterator[bytes]) -> None:
        """Send every request, each when the one before it on its connection has its answer.

        Raises RuntimeError for an answer that is not of the status 201.
        """
        self._requests = requests
        self._open = len(self._protocols)
        self._done = asyncio.get_running_loop().create_future()
        for protocol in self._protocols:
            self._send(protocol)
        await self._done

    def _send(self, protocol: BoundedProtocol) -> None:
        request = next(self._requests, None)
        if request is not None:
            protocol.data_received(request)
            return
        self._open -= 1
        if not self._open and not self._done.done():
            self._done.set_result(None)

    def _take(self, protocol: BoundedProtocol, answer: bytes) -> None:
        if not answer.startswith(b"HTTP/1.1 201 "):
            if not self._done.done():
                self._done.set_exception(RuntimeError(answer[:1000].decode("latin-1")))
            return
        self.first_answer = self.first_answer or answer
        asyncio.get_running_loop().call_soon(self._send, protocol)
