"""The types of ASGI 3 (https://asgi.readthedocs.io), and headers, for apps that need no web framework."""

from collections.abc import Awaitable, Callable, MutableMapping
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
