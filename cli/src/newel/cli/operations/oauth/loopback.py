"""The person's browser brings the answer to a listener on this machine (RFC 8252 §7.3)."""

import html
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note

SECONDS = 120.0
ARRIVES_WITHIN = 10.0
GOOD, BAD = 200, 400
PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>{0}</title>"
    "<body style='font-family:sans-serif;text-align:center;margin-top:20vh'><h1>{0}</h1><p>{1}</p>"
)


class Listener:
    """Waits for one answer at ``/``. Use as a context manager."""

    def __init__(self, address: str, landing: str) -> None:
        self.landing = landing
        self._answered = threading.Event()
        self._waiting = threading.Event()
        self._once = threading.Lock()
        self._redeem: Callable[[dict[str, str]], dict[str, Any]] | None = None
        self._tokens: dict[str, Any] = {}
        self._error: CliError | None = None
        host, port = split(address)
        try:
            self._server = Server((host, port), handler(self))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CliError(f"error listening on {address}: {reason}") from None
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, redeem: Callable[[dict[str, str]], dict[str, Any]]) -> dict[str, Any]:
        """Return the tokens ``redeem`` gets for the answer. Raises CliError: its own, or for no answer."""
        self._redeem = redeem
        self._waiting.set()
        if not self._answered.wait(SECONDS):
            raise CliError("oauth command timed out, please try again")
        if self._error is not None:
            raise self._error
        return self._tokens

    def answer(self, query: dict[str, str]) -> tuple[int, str]:
        """Return status and page for a request; the first answer decides."""
        with self._once:
            ours = "error" in query or {"code", "state"} <= query.keys()
            if ours:
                # a quick browser may be here before the command has come to wait for it
                self._waiting.wait(ARRIVES_WITHIN)
            if self._redeem is None or self._answered.is_set() or not ours:
                note(
                    "A request came that is not the provider's answer: some program asks this port."
                )
                return BAD, PAGE.format("Bad request", "This is not an answer of the provider.")
            try:
                self._tokens = self._redeem(query)
            except CliError as error:
                self._error = error
                return BAD, PAGE.format("Failure", html.escape(str(error)))
            return GOOD, PAGE.format("Success", "The token is on the command line.")

    def finish(self) -> None:
        """Let the waiting command go on, once the browser has its page."""
        if self._tokens or self._error:
            self._answered.set()


class Server(ThreadingTCPServer):
    """A thread for each connection: browsers open some that they never use."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    """Answer the browser's requests for a listener."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 15

        def do_GET(self) -> None:
            """Take the provider's answer, which a redirect brings."""
            parts = urlsplit(self.path)
            if parts.path != "/":
                self.send_error(404)
                return
            status, page = listener.answer(dict(parse_qsl(parts.query)))
            if status == GOOD and listener.landing:
                status, page = 302, ""
                self.send_response(status)
                self.send_header("Location", listener.landing)
            else:
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())
            self.wfile.flush()
            listener.finish()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Nothing: the request holds a secret."""

    return Handler


def split(address: str) -> tuple[str, int]:
    """Host and port of ``host:port``, ``:port`` or "". Raises UsageError."""
    host, colon, port = address.rpartition(":")
    if not address:
        return "127.0.0.1", 0
    if not colon or not port.isdigit():
        raise UsageError(f"invalid value '{address}' for flag '--listen'")
    return host or "127.0.0.1", int(port)
