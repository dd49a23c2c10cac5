"""Connections to servers: direct, or through the proxy that the environment names (RFC 9110 §9.3.6, RFC 1928)."""

import functools
import http.client
import socket
import ssl
from typing import TYPE_CHECKING

from newel.client.proxies import Proxy, find_proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from newel.client.tls_in_tls import StreamSocket

    Link = socket.socket | StreamSocket

SOCKS = b"\x05"
BY_PASSWORD = b"\x02"
SOCKS_ADDRESSES = {1: 4, 4: 16}


class TunnelConnection(http.client.HTTPSConnection):
    """A connection to a server that a proxy makes."""

    def __init__(
        self, host: str, port: int, proxy: Proxy, tls: ssl.SSLContext, seconds: float
    ) -> None:
        super().__init__(host, port, timeout=seconds, context=tls)
        self._proxy = proxy
        self._seconds = seconds
        self._tls = tls

    def connect(self) -> None:
        """Have the proxy connect to the server, then do the handshake with that. Raise OSError."""
        link = connect_to_proxy(self._proxy, self._seconds)
        try:
            KINDS[self._proxy.scheme](link, self._proxy, self.host, self.port)
            # http.client sends to it and reads from files of it
            self.sock = secure(link, self._tls, self.host)  # pyright: ignore[reportAttributeAccessIssue, reportIncompatibleVariableOverride]
        except BaseException:
            link.close()
            raise


def connect(url: str, tls: ssl.SSLContext, seconds: float) -> http.client.HTTPSConnection:
    """Make a connection that its first request opens. Raise UnreachableError for what is no proxy."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or http.client.HTTPS_PORT
    proxy = find_proxy(url)
    if proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=tls)
    return TunnelConnection(host, port, proxy, tls, seconds)


def connect_to_proxy(proxy: Proxy, seconds: float) -> "Link":
    """Connect to a proxy. Raise OSError."""
    if proxy.scheme != "https":
        return socket.create_connection((proxy.host, proxy.port), seconds)
    from newel.client.tls_in_tls import StreamSocket

    return StreamSocket.connect(proxy, seconds)


def secure(link: "Link", tls: ssl.SSLContext, host: str) -> "Link":
    """Do the handshake with a server through what leads to it. Raise OSError."""
    if isinstance(link, socket.socket):
        return tls.wrap_socket(link, server_hostname=host)
    return link.secure(tls, host)


def ask_http_proxy(link: "Link", proxy: Proxy, host: str, port: int) -> None:
    """Have an HTTP proxy connect. Raise OSError when it does not."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = {"Host": where, **proxy.authorization}
    lines = [f"CONNECT {where} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    link.sendall("\r\n".join((*lines, "", "")).encode("latin-1"))
    answer = http.client.HTTPResponse(link, method="CONNECT")  # pyright: ignore[reportArgumentType] - it makes a file
    try:
        answer.begin()
        status, reason = answer.status, answer.reason
    finally:
        answer.close()
    if status != http.client.OK:
        text = f"{status} {reason}".strip()
        raise ConnectionError(f"the proxy {proxy.address} answered {text}")


def ask_socks_proxy(link: "Link", proxy: Proxy, host: str, port: int) -> None:
    """Have a SOCKS 5 proxy look up the name and connect. Raise OSError when it does not."""
    read = functools.partial(read_exactly, link)
    method = b"\x00" if proxy.user is None else BY_PASSWORD
    link.sendall(SOCKS + b"\x01" + method)
    if read(2) != SOCKS + method:
        raise ConnectionError(f"the proxy {proxy.address} wants another proof of who asks")
    if proxy.user is not None:
        pair = [proxy.user.encode(), proxy.password.encode()]
        link.sendall(b"\x01" + b"".join(bytes([len(each)]) + each for each in pair))
        if read(2)[1]:
            raise ConnectionError(f"the proxy {proxy.address} refused user and password")
    name = host.encode("idna")
    link.sendall(SOCKS + b"\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2))
    answer = read(4)
    if answer[1]:
        raise ConnectionError(f"the proxy {proxy.address} cannot connect (code {answer[1]})")
    read(SOCKS_ADDRESSES.get(answer[3]) or read(1)[0])
    read(2)


def read_exactly(link: "Link", size: int) -> bytes:
    """Read so many octets. Raise ConnectionError when they do not come."""
    data = b""
    while len(data) < size:
        block = link.recv(size - len(data))
        if not block:
            raise ConnectionError("the proxy closed the connection")
        data += block
    return data


KINDS: "dict[str, Callable[[Link, Proxy, str, int], None]]" = {
    "http": ask_http_proxy,
    "https": ask_http_proxy,
    "socks5": ask_socks_proxy,
    "socks5h": ask_socks_proxy,
}
