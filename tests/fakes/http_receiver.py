"""An HTTP server that takes what is posted to it, or asked of it, and answers as told."""

import contextlib
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from fakes.local_server import LocalServer


@dataclass(frozen=True, slots=True)
class ReceivedPost:
    """One request."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class HttpReceiver(LocalServer):
    """``replies`` are given in order, then always 200.

    A subclass judges
    requests by overriding `check`, and answers 400 to those it does not like.
    """

    def __init__(self, *replies: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.posted: list[ReceivedPost] = []
        self.complaints: list[str] = []
        self.replies = list(replies)
        self._arrived = threading.Condition()
        super().__init__(self._handler(), tls)

    def check(self, posted: ReceivedPost) -> str:
        """What is wrong with a request; "" when nothing is."""
        return ""

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Where it listens."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def wait_for(self, count: int, seconds: float = 10) -> list[ReceivedPost]:
        """Blocks until so many requests have come; AssertionError when they do not."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posted) >= count, seconds), self.posted
            return list(self.posted)

    def _answer(self, posted: ReceivedPost) -> Reply:
        with self._arrived:
            self.posted.append(posted)
            self._arrived.notify_all()
            if complaint := self.check(posted):
                self.complaints.append(complaint)
                return Reply(400, complaint.encode())
            return self.replies.pop(0) if self.replies else Reply()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = answer(ReceivedPost(self.path, headers, self.rfile.read(length)))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                with contextlib.suppress(ConnectionError):  # the client need not read it all
                    self.end_headers()
                    self.wfile.write(reply.body)

            do_GET = do_POST  # noqa: N815 - the base's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
                """Says nothing."""

        return Handler
