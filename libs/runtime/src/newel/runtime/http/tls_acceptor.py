"""Accepts connections of a TLS listener: counted before their handshake, which has its time.

A client that speaks plain HTTP gets the response of Go's server.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from newel.runtime.http.admission import Admission, Ticket
from newel.runtime.http.client_addresses import plain_address
from newel.runtime.http.connection_limits import ConnectionLimits

_log = logging.getLogger(__name__)

_HANDSHAKE = b"\x16"  # RFC 8446 §5.1: the content type of a ClientHello's record
_NOT_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
_SHUTDOWN_SECONDS = 5.0
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_SECONDS = 1.0

ProtocolFactory = Callable[[Ticket], asyncio.Protocol]


class TLSAcceptor:
    """One listening socket. It has the part of ``asyncio.Server`` that stops it."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        make: ProtocolFactory,
        admission: Admission,
        limits: ConnectionLimits,
    ) -> None:
        self._sock = sock
        self._context = context
        self._make = make
        self._admission = admission
        self.seconds = limits.handshake_seconds
        self._loop = asyncio.get_running_loop()
        self._silent: dict[socket.socket, _Silent] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, backlog: int) -> None:
        """Begin to listen. The system delivers a connection with its first octets, or a second later."""
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        self._sock.listen(backlog)
        self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Accept no more, and close the connections that have sent nothing."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sock)
            for silent in list(self._silent.values()):
                silent.drop()

    async def wait_closed(self) -> None:
        """Wait for the handshakes that are under way; each has its time."""
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _accept(self) -> None:
        """Take one connection; the loop calls again while there are more."""
        try:
            connection, peer = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _OUT_OF_DESCRIPTORS:
                raise
            _log.error("no connection can be accepted", extra={"cause": str(error)})
            self._loop.remove_reader(self._sock)
            self._loop.call_later(_PAUSE_SECONDS, self._resume)
            return
        connection.setblocking(False)
        address = plain_address(str(peer[0]))
        ticket = self._admission.enter(address)
        if ticket is None:
            connection.close()
        else:
            self._begin(connection, address, ticket)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._sock, self._accept)

    def _begin(self, connection: socket.socket, address: str, ticket: Ticket) -> None:
        """Look at the first octet as soon as it is there."""
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            if connection not in self._silent:
                self._silent[connection] = _Silent(self, connection, address, ticket)
            return
        except OSError:
            first = b""
        silent = self._silent.pop(connection, None)
        if silent is not None:
            silent.stop()
        if first == _HANDSHAKE and not self._closed:
            task = self._loop.create_task(self._handshake(connection, ticket))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)
            return
        if first.isalpha():
            self._admission.refuse("plaintext", address)
            _reject_plaintext(connection)
        connection.close()
        self._admission.leave(ticket)

    async def _handshake(self, connection: socket.socket, ticket: Ticket) -> None:
        is_connected = False
        try:
            with contextlib.suppress(OSError, TimeoutError):  # ssl.SSLError is an OSError
                await self._loop.connect_accepted_socket(
                    lambda: self._make(ticket),
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=self.seconds,
                    ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
                )
                is_connected = True
        finally:
            if not is_connected:  # else the protocol gives the place back
                self._admission.leave(ticket)
                connection.close()

    def look_again(self, silent: "_Silent") -> None:
        """Continue with a connection that sent something."""
        self._begin(silent.connection, silent.address, silent.ticket)

    def forget(self, silent: "_Silent") -> None:
        """Close a connection and give its place back."""
        self._silent.pop(silent.connection, None)
        silent.connection.close()
        self._admission.leave(silent.ticket)


class _Silent:
    """A connection that has sent nothing yet."""

    def __init__(
        self, acceptor: TLSAcceptor, connection: socket.socket, address: str, ticket: Ticket
    ) -> None:
        self.connection = connection
        self.address = address
        self.ticket = ticket
        self._acceptor = acceptor
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(acceptor.seconds, self.drop)
        self._loop.add_reader(connection, acceptor.look_again, self)

    def stop(self) -> None:
        """Wait no longer."""
        self._timer.cancel()
        self._loop.remove_reader(self.connection)

    def drop(self) -> None:
        """Close it."""
        self.stop()
        self._acceptor.forget(self)


def _reject_plaintext(connection: socket.socket) -> None:
    """Send the response. What was received is read first: closing would else discard the response."""
    try:
        connection.recv(1 << 16)
        connection.send(_NOT_TLS)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return
