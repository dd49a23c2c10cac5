"""HTTP and HTTPS listeners: uvicorn's protocol with bounded headers and waiting, and the peer's certificate.

An app finds the verified client certificate in ``scope["extensions"]["tls"]["client_cert_chain_der"]``: DER,
leaf first, [] when the client gave none. On plain HTTP there is no such extension.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from newel.runtime.addresses import parse_address, resolve
from newel.runtime.server_tls import ServerTls

LARGEST_HEAD = 64 * 1024
"""Octets of request line and header fields."""
HEAD_SECONDS = 15.0
"""From the connection, or the first octet of a further request, to the end of its header."""
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 10
BACKLOG = 2048


class GatheringTransport:
    """A transport that writes once what one turn of the loop produced.

    An answer's header and body are two writes of the ASGI protocol; together they are one TLS record
    and one system call.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Takes what is to be written in this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Writes what is waiting, then closes."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts = []


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A header that is too long or too slow ends it."""

    _extensions: dict[str, Any] | None = None
    _deadline: asyncio.TimerHandle | None = None
    _head = 0
    _seen = b""

    def connection_made(self, transport: Any) -> None:
        """Notes who the peer is; the certificate is parsed by whoever needs it."""
        super().connection_made(cast("Any", GatheringTransport(transport, self.loop)))
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            der = tls.getpeercert(binary_form=True)
            self._extensions = {
                "tls": {"client_cert_chain_der": [der] if der else [], "tls_version": tls.version()}
            }
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what arrives until the header is complete."""
        if self._deadline is not None:
            # a body may follow in the same octets, or the header's end be split between two lots
            end = (self._seen + data).find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            self._seen = data[-3:]
            if self._head > LARGEST_HEAD:
                self.transport.write(
                    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                    b"connection: close\r\ncontent-length: 0\r\n\r\n"
                )
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request starts: its header has to be complete in time."""
        super().on_message_begin()
        if self._extensions is not None:
            self.scope["extensions"] = self._extensions
        if self._deadline is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """The header is complete; a body's time is for the app to limit."""
        self._head_came()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._head = 0
        self._seen = b""
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Listener(uvicorn.Server):
    """One address. It stops when told, not by signals, which belong to the process."""

    def __init__(self, app: ASGIApp, sock: socket.socket, tls: ServerTls | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nobody may say in a header who they are
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            backlog=BACKLOG,
        )
        config.load()
        config.ssl = tls.context if tls else None
        super().__init__(config)
        self._sock = sock

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield

    async def listen(self) -> None:
        """Serves until ``stop``, then drains."""
        await self.serve(sockets=[self._sock])

    def stop(self) -> None:
        """Begins the drain: no new connections, the running requests to their end."""
        self.should_exit = True

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        host, port = self._sock.getsockname()[:2]
        return str(host), int(port)


def bind(address: str, *, shared: bool = False) -> socket.socket:
    """A listening socket on ``host:port`` (``[v6]:port``, ``:port`` for every interface, or a name).

    ``shared`` lets the workers of one program listen on the same address. Raises OSError that names it.
    """
    try:
        wanted = parse_address(address)
        family, host = resolve(wanted.host)
    except ValueError as error:
        raise OSError(errno.EINVAL, f"cannot listen: {error}") from None
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from None
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, wanted.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        reason = (error.strerror or str(error)).lower()
        raise OSError(error.errno, f"cannot listen on {address}: {reason}") from None
    return sock
