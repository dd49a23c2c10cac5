"""HTTP and HTTPS listeners: uvicorn's server behind bounds, and the peer's certificate.

An app finds the verified client certificate in ``scope["extensions"]["tls"]["client_cert_chain_der"]``: DER,
leaf first, [] when the client gave none. On plain HTTP there is no such extension.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator, Sequence
from typing import Any, cast

import uvicorn
from prometheus_client import CollectorRegistry

from newel.runtime.asgi import ASGIApp
from newel.runtime.http.addresses import parse_address, resolve
from newel.runtime.http.admission import Admission, ConnectionMetrics, Ticket
from newel.runtime.http.connection_limits import ConnectionLimits, claim_descriptors
from newel.runtime.http.protocol import BoundedProtocol, DatedHeaders
from newel.runtime.http.tls_acceptor import TLSAcceptor
from newel.runtime.http.worker_counts import WorkerCounts
from newel.runtime.tls.server import ServerTLS

DRAIN_SECONDS = 10
BACKLOG = 2048


class Listener(uvicorn.Server):
    """One address. It stops on request, not by signals, which belong to the process."""

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        tls: ServerTLS | None = None,
        *,
        name: str = "",
        limits: ConnectionLimits | None = None,
        metrics: ConnectionMetrics | None = None,
        workers: WorkerCounts | None = None,
    ) -> None:
        """``name`` decides its share of the descriptors: ``https``, ``http`` or ``health``."""
        self._limits = limits or ConnectionLimits()
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # a header is no proof of an address
            server_header=False,
            date_header=False,  # see DatedHeaders
            timeout_keep_alive=self._limits.idle_seconds,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            backlog=BACKLOG,
        )
        config.load()
        super().__init__(config)
        self._sock = sock
        self._tls = tls
        self._headers = DatedHeaders()
        name = name or ("https" if tls else "http")
        self._admission = Admission(
            name,
            self._limits,
            self._limits.most(name, claim_descriptors()),
            self._close_idle,
            metrics or ConnectionMetrics(CollectorRegistry()),
            workers,
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield

    async def listen(self) -> None:
        """Serve until ``stop``, then drain."""
        await self.serve(sockets=[self._sock])

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:  # noqa: ARG002 - it has its own
        """Begin to accept, within the bounds."""
        await self.lifespan.startup()
        self.server_state.default_headers = self._headers
        if self._tls is not None:
            server: Any = TLSAcceptor(
                self._sock, self._tls.context, self._connection, self._admission, self._limits
            )
            server.start(BACKLOG)
        else:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self._connection, sock=self._sock, backlog=BACKLOG)
        self.servers = [server]
        self.started = True

    async def on_tick(self, counter: int) -> bool:  # noqa: ARG002 - uvicorn counts
        """Tell whether to stop; the headers have their own date."""
        return self.should_exit

    def stop(self) -> None:
        """Begin the drain: accept no connections and finish the running requests."""
        self.should_exit = True

    def _connection(self, ticket: Ticket | None = None) -> BoundedProtocol:
        return BoundedProtocol(
            self.config, self.server_state, self._limits, self._admission, ticket
        )

    def _close_idle(self) -> bool:
        connections = cast("set[BoundedProtocol]", self.server_state.connections)
        idle = next((each for each in connections if each.is_idle), None)
        if idle is not None:
            idle.transport.abort()
        return idle is not None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self._sock.getsockname()[:2]
        return str(host), int(port)


def bind(address: str, *, shared: bool = False) -> socket.socket:
    """Return a bound socket on ``host:port`` (``[v6]:port``, a name, or ``:port`` for IPv4 and IPv6).

    ``shared`` lets the workers of one program listen on the same address. Raises OSError that names it.
    """
    try:
        wanted = parse_address(address)
        family, host = resolve(wanted.host)
        both = not wanted.host and socket.has_dualstack_ipv6()
    except ValueError as error:
        raise OSError(errno.EINVAL, f"cannot listen: {error}") from None
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from None
    if both:
        family, host = socket.AF_INET6, "::"
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
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
