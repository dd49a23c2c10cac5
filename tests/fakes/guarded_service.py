"""A service that answers those with a good token or, over TLS, with a certificate; it says who came with what."""

import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Collection, Generator
from typing import Any, cast


class Service(http.server.ThreadingHTTPServer):
    """``tokens`` are the good ones at the moment; ``elsewhere`` is where /away sends to."""

    tokens: Collection[str] = ()
    elsewhere = "https://elsewhere.example/"
    came: int = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(http.server.BaseHTTPRequestHandler):
    """Any method; the path says what is to happen."""

    def answer(self) -> None:
        server = cast("Service", self.server)
        server.came += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        who = self.who(server)
        if who is None:
            self.reply(401, b'{"error":"who are you?"}')
        elif self.path in {"/here", "/again", "/away"}:
            where = {"/here": "/whoami?x=1", "/again": "/again", "/away": server.elsewhere}[
                self.path
            ]
            self.reply(302, b"", Location=where)
        elif self.path == "/octets":
            self.reply(200, bytes(range(256)) * 1000)
        elif self.path == "/broken":
            self.reply(200, b"abc", **{"Content-Length": "10"})
        elif self.path == "/forbidden":
            self.reply(403, b"not you\n")
        else:
            seen = {
                "who": who,
                "method": self.command,
                "path": self.path,
                "body": body.decode(),
                "headers": {name.lower(): value for name, value in self.headers.items()},
            }
            self.reply(200, json.dumps(seen).encode())

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the base's names

    def who(self, server: Service) -> str | None:
        """The token, or the certificate's common name; None for strangers."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given:
            return given if given in server.tokens else None
        if not isinstance(self.connection, ssl.SSLSocket):
            return None
        peer: dict[str, Any] = self.connection.getpeercert() or {}
        return next(
            (v for rdn in peer.get("subject", ()) for k, v in rdn if k == "commonName"), None
        )

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Quiet."""


@contextlib.contextmanager
def serve_guarded(tls: ssl.SSLContext | None = None) -> Generator[Service]:
    """The service until the block ends, over TLS where there is a context for it."""
    server = Service(("127.0.0.1", 0), Handler)
    if tls is not None:
        # each connection's thread shakes hands itself: a client that is refused must not end the server
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
