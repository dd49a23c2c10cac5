"""Interfaces in other processes, each as an ASGI app: a request is sent on, and the answer handed back.

Their addresses are the configuration's, as those of gRPC channels are. httpx is loaded by the first request.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from newel.runtime.asgi import Receive, Scope, Send, find_header
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.tls.client import trust_file

if TYPE_CHECKING:
    import httpx

_SECONDS = 15.0
"""How long a connection, and each wait for octets, may take."""
_CONNECTIONS, _KEPT = 64, 8
_SENT_ON = (b"authorization", b"content-type")
_HANDED_BACK = {
    b"cache-control", b"content-disposition", b"content-type", b"link", b"location",
    b"x-content-type-options",
}  # fmt: skip # a list of words


@dataclass
class RemoteApp:
    """The interfaces of one listener of another process."""

    name: str
    """As errors call it."""
    url: str
    """``https://host:port``, or ``http://host:port``."""
    roots: Path | None = None
    """PEM: what it trusts, for https; read again when the file changes."""
    server_name: str | None = None
    """The name in its certificate where that is not the host of the address."""
    _client: "httpx.AsyncClient | None" = field(default=None, init=False, repr=False)
    _former: "httpx.AsyncClient | None" = field(default=None, init=False, repr=False)
    _stamp: tuple[int, int] = field(default=(0, 0), init=False, repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request. Raises ``unavailable`` for a part that does not answer."""
        import httpx

        try:
            await self._send_on(scope, receive, send)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise NewelError(
                ErrorType.UNAVAILABLE,
                f"The {self.name} could not be reached.",
                cause=f"{self.url}: {type(error).__name__}: {error}"[:256],
            ) from error

    async def _send_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = await self._connect()
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = [(name, find_header(scope, name)) for name in _SENT_ON]
        request = client.build_request(
            scope["method"],
            self.url + path,
            content=bytes(body) or None,
            headers=[(name, value) for name, value in headers if value],
            extensions={"sni_hostname": self.server_name} if self.server_name else None,
        )
        answer = await client.send(request, stream=True)
        try:
            back = [(name.lower(), value) for name, value in answer.headers.raw]
            kept = [(name, value) for name, value in back if name in _HANDED_BACK]
            await send(
                {"type": "http.response.start", "status": answer.status_code, "headers": kept}
            )
            async for block in answer.aiter_raw():
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await answer.aclose()

    async def close(self) -> None:
        """Close the connections."""
        clients, self._client, self._former = (self._client, self._former), None, None
        for client in clients:
            if client is not None:
                await client.aclose()

    async def _connect(self) -> "httpx.AsyncClient":
        """Return the client, a new one after the roots were changed. Raises OSError without them."""
        found = self.roots.stat() if self.roots else None
        stamp = (found.st_mtime_ns, found.st_ino) if found else (0, 0)
        if self._client is None or stamp != self._stamp:
            opened = self._open()  # may raise, which must change nothing
            former, self._former = self._former, self._client  # which may be answering still
            self._client, self._stamp = opened, stamp
            if former is not None:
                await former.aclose()
        return self._client

    def _open(self) -> "httpx.AsyncClient":
        import httpx

        return httpx.AsyncClient(
            verify=trust_file(self.roots) if self.roots else False,
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_KEPT),
            headers={"Accept-Encoding": "identity", "User-Agent": "newel-dashboard"},
        )
