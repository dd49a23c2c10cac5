"""HTTP answers encoded once and sent many times."""

import email.utils
import hashlib
from collections.abc import Callable, Sequence

from starlette.types import Message, Scope, Send

Header = tuple[bytes, bytes]


def http_date(seconds: float) -> bytes:
    """An IMF-fixdate (RFC 9110 §5.6.7)."""
    return email.utils.formatdate(seconds, usegmt=True).encode()


def entity_tag(body: bytes) -> bytes:
    """The strong entity tag of a body: its SHA-256, quoted (RFC 9919 §6.2)."""
    return f'"{hashlib.sha256(body).hexdigest()}"'.encode()


class Document:
    """One body with its headers, as the ASGI messages that carry it.

    The messages are shared between requests: whoever wraps ``send`` must copy, not change them.
    """

    __slots__ = ("body", "etag", "finish", "start", "unchanged")

    def __init__(
        self, body: bytes, media_type: bytes, headers: Sequence[Header] = (), *, status: int = 200,
        etag: bytes = b"",
    ) -> None:  # fmt: skip
        self.body = body
        self.etag = etag
        validators = [(b"etag", etag), *headers] if etag else list(headers)
        self.start: Message = {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type),
                (b"content-length", str(len(body)).encode()),
                *validators,
            ],
        }
        self.finish: Message = {"type": "http.response.body", "body": body}
        self.unchanged: Message = {
            "type": "http.response.start",
            "status": 304,
            "headers": validators,
        }


_NOTHING: Message = {"type": "http.response.body", "body": b""}


Source = Callable[[bytes], Document | None]
"""The document at a path, given the query; None when there is none (yet)."""


async def send_document(document: Document, scope: Scope, send: Send) -> None:
    """Sends a document, or 304 when the client has it (RFC 9110 §13.1.2)."""
    if document.etag:
        for name, value in scope["headers"]:
            if name == b"if-none-match" and _names(value, document.etag):
                await send(document.unchanged)
                await send(_NOTHING)
                return
    await send(document.start)
    await send(document.finish)


def _names(condition: bytes, etag: bytes) -> bool:
    """Whether If-None-Match lists this tag; weak comparison."""
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in condition.split(b","))
