"""The throw-away authority on loopback: enough of the step API for programs that renew themselves.

Whatever is asked is granted: it checks no token's signature. Never let anything but a test near it.
"""

import datetime as dt
import json
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.client import rotating
from newel.client.clock import now
from newel.client.peer import Peer
from newel.client.throwaway import DAY, ThrowawayAuthority
from newel.client.work import start_thread
from newel.crypto import loading
from newel.crypto.keys import PublicKey
from newel.step import renew_token, tokens
from newel.step.fingerprint import fingerprint

LARGEST_BODY = 64 * 1024


class ThrowawayServer:
    """Serves /health, /root, /roots, /sign, /renew over HTTPS, and /crl and /ocsp over HTTP."""

    def __init__(self, authority: ThrowawayAuthority, *, lifetime: dt.timedelta = DAY) -> None:
        self.authority = authority
        self.lifetime = lifetime
        self.down = False
        """True: everything is answered with 503, as an authority in trouble would."""
        self.ocsp_fault = ""
        self.crl_fault = ""
        self.renewals = 0
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        rotating.load(tls, authority.issue_cert("localhost", "127.0.0.1"))
        tls.verify_mode = ssl.CERT_OPTIONAL
        authority.configure_trust(tls)
        self._https = _Server(self, tls)
        self._http = _Server(self, None)

    @property
    def url(self) -> str:
        """Where the step API is."""
        return f"https://localhost:{self._https.server_address[1]}"

    @property
    def http_url(self) -> str:
        """Where /crl and /ocsp are."""
        return f"http://localhost:{self._http.server_address[1]}"

    def token(self, subject: str, *names: str) -> str:
        """Return a token that this server accepts."""
        return tokens.make(
            self.authority.key,
            kid="throw-away",
            issuer="throw-away",
            subject=subject,
            audience=f"{self.url}/1.0/sign",
            now=now(),
            sans=names or (subject,),
            root=fingerprint(self.authority.root.public_bytes(Encoding.DER)),
        )

    def __enter__(self) -> Self:
        for server in (self._https, self._http):
            start_thread(server.serve_forever, 0.02)
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._https, self._http):
            server.shutdown()
            server.server_close()

    def answer(self, path: str, body: bytes, peer: bytes | None, bearer: str) -> tuple[int, Any]:
        """Status and JSON value (or octets) for one request."""
        if self.down:
            return 503, {"status": 503, "message": "the authority is down"}
        root = self.authority.root_pem
        answers: dict[str, Callable[[], tuple[int, Any]]] = {
            "/health": lambda: (200, {"status": "ok"}),
            "/roots": lambda: (201, {"crts": [root]}),
            "/federation": lambda: (201, {"crts": [root]}),
            "/sign": lambda: self._sign(json.loads(body)),
            "/renew": lambda: self._renew(peer, bearer),
            "/crl": lambda: (200, self.authority.crl(stale=self.crl_fault == "stale")),
            "/ocsp": lambda: (200, self.authority.ocsp(body, self.ocsp_fault)),
        }
        if path.startswith("/root/"):
            return 200, {"ca": root}
        answer = answers.get(path)
        return answer() if answer else (404, {"status": 404, "message": "not found"})

    def _sign(self, request: dict[str, Any]) -> tuple[int, Any]:
        csr = loading.load_pem_request(str(request["csr"]).encode())
        named = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(getattr(name, "value", name)) for name in named]
        return self._answer_issued(cast("PublicKey", csr.public_key()), tuple(names))

    def _renew(self, peer: bytes | None, bearer: str) -> tuple[int, Any]:
        if bearer:
            peer = renew_token.parse(bearer.removeprefix("Bearer ")).chain[0]
        if peer is None:
            return 401, {"status": 401, "message": "missing client certificate"}
        known = Peer((peer,))
        self.renewals += 1
        return self._answer_issued(
            cast("PublicKey", known.certificate.public_key()), tuple(known.names)
        )

    def _answer_issued(self, key: PublicKey, names: tuple[str, ...]) -> tuple[int, Any]:
        start = now() - dt.timedelta(seconds=1)
        made = self.authority.certify(key, names, start, start + self.lifetime)
        leaf = made.public_bytes(Encoding.PEM).decode()
        return 201, {"crt": leaf, "ca": self.authority.root_pem, "certChain": [leaf]}


class _Server(ThreadingHTTPServer):
    """One listener on loopback; the handshake is made in the connection's own thread."""

    daemon_threads = True

    def __init__(self, owner: ThrowawayServer, tls: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.tls = tls
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect or do not trust the server."""


class _Handler(BaseHTTPRequestHandler):
    """Reads a request and writes what the owner answers."""

    protocol_version = "HTTP/1.1"
    timeout = 20

    @property
    def listener(self) -> _Server:
        """Who took the connection."""
        return cast("_Server", self.server)

    def setup(self) -> None:
        """Begins the connection, with a handshake where it is HTTPS."""
        if self.listener.tls is not None:
            self.request.settimeout(self.timeout)
            self.request = self.listener.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Answer a POST request."""
        size = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        self._serve(self.rfile.read(size))

    def _serve(self, body: bytes) -> None:
        peer = None
        if isinstance(self.request, ssl.SSLSocket):
            peer = self.request.getpeercert(binary_form=True)
        bearer = self.headers.get("Authorization") or ""
        path = self.path.partition("?")[0]
        status, value = self.listener.owner.answer(path, body, peer, bearer)
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
        """Says nothing."""
