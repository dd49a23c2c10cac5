"""A front of an authority that says it asks for client certificates, as hosted ones do; it asks for them."""

import http.client
import json
import ssl
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from fakes.local_server import LocalServer
from fixtures.running import Authority

SECONDS = 20


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """One request, and the client certificate it came with (DER, b"" for none)."""

    path: str
    body: bytes
    peer: bytes
    headers: str = ""


class ClientAuthProxy(LocalServer):
    """Hands every request on to the authority at ``port`` of this machine while it is entered."""

    def __init__(self, tls: ssl.SSLContext, upstream: ssl.SSLContext, port: int) -> None:
        self.asked: list[ProxiedRequest] = []
        self.closed: set[str] = set()
        """Paths that are for those who show a certificate."""
        self._upstream, self._behind = upstream, port
        super().__init__(self._handler(), tls)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://localhost:{self.port}"

    def about(self, path: str) -> list[ProxiedRequest]:
        """The requests for a path, oldest first."""
        return [each for each in self.asked if each.path == path]

    def answer(self, method: str, asked: ProxiedRequest) -> tuple[int, bytes]:
        """What the authority answers, or what it says of itself here."""
        self.asked.append(asked)
        if asked.path in self.closed and not asked.peer:
            return 401, json.dumps({"status": 401, "message": "who asks?"}).encode()
        connection = http.client.HTTPSConnection(
            "localhost", self._behind, timeout=SECONDS, context=self._upstream
        )
        try:
            connection.request(method, asked.path, asked.body or None)
            reply = connection.getresponse()
            status, body = reply.status, reply.read()
        finally:
            connection.close()
        if asked.path == "/version":
            body = json.dumps({**json.loads(body), "requireClientAuthentication": True}).encode()
        return status, body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            timeout = SECONDS

            def do_GET(self) -> None:
                assert isinstance(self.connection, ssl.SSLSocket)
                length = int(self.headers.get("Content-Length") or 0)
                peer = self.connection.getpeercert(binary_form=True) or b""
                asked = ProxiedRequest(self.path, self.rfile.read(length), peer, str(self.headers))
                status, body = answer(self.command, asked)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
                """Says nothing."""

        return Handler


def serve_proxy(authority: Authority, folder: Path) -> ClientAuthProxy:
    """A front of a running authority, which certifies it; its files go to the folder."""
    done = authority.step(
        "ca", "certificate", "localhost", str(folder / "crt"), str(folder / "key"), "--force",
        "--ca-url", authority.url, "--provisioner", "admin",
        "--provisioner-password-file", str(authority.password_file),
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "crt", folder / "key")
    tls.load_verify_locations(authority.root)
    tls.verify_mode = ssl.CERT_OPTIONAL
    upstream = ssl.create_default_context(cafile=str(authority.root))
    return ClientAuthProxy(tls, upstream, authority.port)
