"""The types of ASGI 3 (https://asgi.readthedocs.io), and what apps read of a scope without a web framework."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def find_header(scope: Scope, name: bytes) -> bytes:
    """Return the first header of a name (in lower case), ``b""`` without one."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


def find_client_chain(scope: Scope) -> Sequence[bytes]:
    """Return the client's certificate and its issuers (DER); the listener has checked that it has the key."""
    return scope.get("extensions", {}).get("tls", {}).get("client_cert_chain_der", ())
