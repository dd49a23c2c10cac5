"""uvicorn, with the client's certificate in the ASGI scope: it does not put it there by itself.

uvicorn.run(app, http=PeerProtocol, ssl_context_factory=lambda *_: me.server_context())
"""

import asyncio
import ssl
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from newel.crypto import pem


class PeerProtocol(H11Protocol):
    """Adds the TLS extension of ASGI to every request of a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as uvicorn's own
        """Read the certificate of a new connection: it is the same for all its requests."""
        super().connection_made(transport)
        connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        leaf = connection.getpeercert(binary_form=True) if connection else None
        chain = [pem.encode(leaf).decode()] if leaf else []
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if connection is not None:
                extensions = scope.setdefault("extensions", {})
                extensions["tls"] = {"client_cert_chain": chain}
            await inner(scope, receive, send)

        self.app = app
