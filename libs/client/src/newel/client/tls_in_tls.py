"""Connections to an HTTP proxy that is asked by TLS: the server's TLS runs inside that of the proxy.

Python's sockets cannot do that, the streams of httpcore can; here is what http.client needs of a socket, made
of such a stream.
"""

import contextlib
import io
import ssl
from collections.abc import Generator
from typing import TYPE_CHECKING, Self

import httpcore

from newel.client.proxies import Proxy
from newel.client.trust import client_tls

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class StreamSocket:
    """A stream as http.client uses a socket: it is open until it and every file of it are closed."""

    def __init__(self, stream: httpcore.NetworkStream, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._users = 1

    @classmethod
    def connect(cls, proxy: Proxy, seconds: float) -> Self:
        """Connect to the proxy; the system's roots say which one it is. Raise OSError."""
        with _raise_os_errors():
            stream = httpcore.SyncBackend().connect_tcp(proxy.host, proxy.port, seconds)
            try:
                return cls(stream.start_tls(client_tls(None), proxy.host, seconds), seconds)
            except httpcore.ConnectError as error:
                reason = str(error)
        # outside of the handler: an error of TLS as its context would be told as one of the server
        raise ConnectionError(f"the proxy {proxy.address}: {reason}")

    def secure(self, tls: ssl.SSLContext, host: str) -> "StreamSocket":
        """Do the handshake with the server behind the proxy. Raise OSError."""
        with _raise_os_errors():
            return StreamSocket(self._stream.start_tls(tls, host, self._seconds), self._seconds)

    def sendall(self, data: bytes) -> None:
        """Send octets. Raise OSError."""
        with _raise_os_errors():
            self._stream.write(data, self._seconds)

    def recv(self, size: int) -> bytes:
        """Receive at most so many octets; none at the end. Raise OSError."""
        with _raise_os_errors():
            return self._stream.read(size, self._seconds)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a file that reads; ``mode`` is "rb"."""
        if mode != "rb":
            raise ValueError(f"a file of a connection is read, not opened as {mode!r}")
        self._users += 1
        return io.BufferedReader(_StreamFile(self))

    def close(self) -> None:
        """Close the connection, or have its last file do so."""
        self._users -= 1
        if not self._users:
            self._stream.close()


class _StreamFile(io.RawIOBase):
    """The octets that a connection receives."""

    def __init__(self, link: StreamSocket) -> None:
        super().__init__()
        self._link = link

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill a buffer, and return how far. Raise OSError."""
        view = memoryview(buffer).cast("B")
        data = self._link.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the connection, unless it or another file of it is open."""
        if not self.closed:
            self._link.close()
        super().close()


@contextlib.contextmanager
def _raise_os_errors() -> Generator[None]:
    """Raise what the system raised in place of httpcore's own errors."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException) as error:
        raise (
            error.__cause__ if isinstance(error.__cause__, OSError) else OSError(str(error))
        ) from None
