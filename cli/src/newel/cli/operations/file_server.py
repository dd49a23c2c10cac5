"""A directory over HTTP, HTTPS or mutual TLS, until an interrupt."""

import signal
import ssl
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from newel.cli.errors import CliError
from newel.cli.operations.certificates import sources
from newel.cli.operations.connection import load_as_people_have_it, read_by_openssl
from newel.cli.store.files import read

SECONDS = 15


def listen(address: str) -> tuple[str, int]:
    """Host and port of ``host:port``; no host is every address."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        raise CliError(
            f"error listening at {address}: listen tcp: address {address}: missing port in address"
        )
    return host.strip("[]"), int(port)


class Tls:
    """The server's TLS, read again on demand; connections that are open keep theirs."""

    def __init__(self, certificate: str, key: str, roots: str | None) -> None:
        self._files = (certificate, key, roots)
        self.context = self._read()

    def reload(self) -> None:
        """Read the files again; invalid ones change nothing."""
        try:
            self.context = self._read()
        except CliError as error:
            print(f"error reloading server: {error}", file=sys.stderr)

    def _read(self) -> ssl.SSLContext:
        certificate, key, roots = self._files
        for name in self._files:
            if name:
                read(name)  # says which of them cannot be read
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if all(read_by_openssl(read(name, exact=True)) for name in (certificate, key)):
                context.load_cert_chain(certificate, key)
            else:
                load_as_people_have_it(context, certificate, key, None)
            if roots:
                ders = [one.der for one in sources.from_file(roots)]
                context.load_verify_locations(cadata=b"".join(ders))
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:  # ssl.SSLError is one
            raise CliError(f"error loading {certificate}: {error.strerror or error}") from None
        return context


class Handler(SimpleHTTPRequestHandler):
    """Files of the directory; a slow client is dropped."""

    timeout = SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing: this server is quiet."""


class Server(ThreadingHTTPServer):
    """The listener; each connection's own thread makes its TLS handshake, so that no client waits."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Any, tls: Tls | None) -> None:
        self.tls = tls
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """One connection: the handshake, then its requests."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(SECONDS)
        with self.tls.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's signature
        """Ignore a failed connection, which concerns only its client."""
        print(f"connection from {client_address[0]}: {sys.exc_info()[1]}", file=sys.stderr)


def bind(address: str, handler: Any, tls: Tls | None = None) -> Server:
    """Return a server that listens at ``host:port``. Raises CliError."""
    try:
        return Server(listen(address), handler, tls)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CliError(f"error listening at {address}: {cause}") from None


def serve(server: Server) -> None:
    """Until SIGINT or SIGTERM; SIGHUP, where there is one, reads certificate and key again."""
    stop = threading.Event()

    def end(_number: int, _frame: object) -> None:
        stop.set()

    def renew(_number: int, _frame: object) -> None:
        if server.tls:
            server.tls.reload()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, renew)
    host, port = server.server_address[:2]
    shown = f"[::]:{port}" if host in {"", "0.0.0.0"} else f"{host!s}:{port}"  # noqa: S104 - said, not bound
    print(f"serving {'HTTPS' if server.tls else 'HTTP'} at {shown}", file=sys.stderr, flush=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    while not stop.wait(3600):
        continue
    print("shutting down", file=sys.stderr)
    server.shutdown()
