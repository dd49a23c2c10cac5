"""A proxy for HTTP (plain or by TLS) and SOCKS 5 that records what it is asked, and all that passes through it."""

import base64
import select
import socket
import ssl
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

SECONDS = 20
BLOCK = 65536


@dataclass(slots=True)
class RecordedExchange:
    """What one connection asked for, and the octets that the client sent in it."""

    target: str
    head: str
    sent: bytearray = field(default_factory=bytearray)


class RecordingProxy:
    """Listens on 127.0.0.1 while it is entered. Every name is this machine to it."""

    def __init__(
        self, user: str = "", password: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.passed: list[RecordedExchange] = []
        self._pair = (user, password)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def targets(self) -> list[str]:
        """What it was asked for, oldest first."""
        return [each.target for each in self.passed]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(SECONDS)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with self._tls.wrap_socket(client, server_side=True) if self._tls else client as link:
                first = link.recv(1)
                if first == b"\x05":
                    self._socks(link)
                elif first:
                    self._http(link, first)
        except OSError:
            return

    def _http(self, client: socket.socket, head: bytes) -> None:
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        text = head.decode()
        method, target, _ = text.split(" ", 2)
        passed = RecordedExchange(target, text)
        self.passed.append(passed)
        pair = base64.b64encode(":".join(self._pair).encode()).decode()
        if any(self._pair) and f"Proxy-Authorization: Basic {pair}\r\n" not in text:
            client.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            )
            return
        place = target if method == "CONNECT" else target.split("/")[2]
        with socket.create_connection(
            ("127.0.0.1", int(place.rpartition(":")[2])), SECONDS
        ) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                path = "/" + target.split("/", 3)[3]
                server.sendall(text.replace(target, path, 1).encode())
            self._pass_on(client, server, passed)

    def _socks(self, client: socket.socket) -> None:
        methods = client.recv(client.recv(1)[0])
        wanted = 2 if any(self._pair) else 0
        if wanted not in methods:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, wanted]))
        if wanted:
            client.recv(1)
            pair = tuple(client.recv(client.recv(1)[0]).decode() for _ in range(2))
            client.sendall(bytes([1, pair != self._pair]))
        client.recv(4)
        name = client.recv(client.recv(1)[0]).decode()
        port = int.from_bytes(client.recv(2))
        passed = RecordedExchange(f"{name}:{port}", "")
        self.passed.append(passed)
        with socket.create_connection(("127.0.0.1", port), SECONDS) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            self._pass_on(client, server, passed)

    def _pass_on(
        self, client: socket.socket, server: socket.socket, passed: RecordedExchange
    ) -> None:
        """Pass octets on until both ends are done; by one thread, because TLS allows no two."""
        others = {client: server, server: client}
        open_ends = [client, server]
        while open_ends:
            for link in select.select(open_ends, [], [], SECONDS)[0] or open_ends:
                data = link.recv(BLOCK)
                while isinstance(link, ssl.SSLSocket) and link.pending():
                    data += link.recv(BLOCK)
                if link is client:
                    passed.sent += data
                if data:
                    others[link].sendall(data)
                else:
                    others[link].shutdown(socket.SHUT_WR)
                    open_ends.remove(link)
