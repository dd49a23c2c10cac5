"""A small server that answers challenges while it is used as a context."""

import socketserver
from typing import Self

from newel.client.work import start_thread


class ChallengeServer:
    """Serves in a thread of its own between entering and leaving."""

    def __init__(self, server: socketserver.BaseServer) -> None:
        self._server = server

    def __enter__(self) -> Self:
        start_thread(self._server.serve_forever, 0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of ":80", "127.0.0.1:8080" and the like. Raises ValueError."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
