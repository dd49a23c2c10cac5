"""HTTP responses that are encoded once and sent many times."""

import datetime as dt
import email.utils
import hashlib
from collections.abc import Callable, Iterable, Sequence

from newel.runtime.asgi import Message, Scope, Send

Header = tuple[bytes, bytes]


def http_date(seconds: float) -> bytes:
    """Format a time as an IMF-fixdate (RFC 9110 §5.6.7)."""
    return email.utils.formatdate(seconds, usegmt=True).encode()


def cache_control(max_age: int) -> Header:
    """Return how HTTP caches may keep a list or a status: for so many seconds."""
    return b"cache-control", f"max-age={max_age}, public, no-transform, must-revalidate".encode()


def entity_tag(body: bytes) -> bytes:
    """Return the strong entity tag of a body: its SHA-256, quoted (RFC 9919 §6.2)."""
    return f'"{hashlib.sha256(body).hexdigest()}"'.encode()


class Document:
    """One body with its headers, as the ASGI messages that carry it.

    Requests share the messages: a wrapper of ``send`` must copy them, not change them.
    """

    __slots__ = ("body", "etag", "finish", "last_modified", "start", "unchanged")

    def __init__(
        self,
        body: bytes,
        media_type: bytes,
        headers: Sequence[Header] = (),
        *,
        status: int = 200,
        etag: bytes = b"",
    ) -> None:
        self.body = body
        self.etag = etag
        self.last_modified = dict(headers).get(b"last-modified", b"")
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
    """Send the document to a GET or HEAD, or 304 when the client has it (RFC 9110 §13.2.2)."""
    if document.etag and _has(document, scope["headers"]):
        await send(document.unchanged)
        await send(_NOTHING)
        return
    await send(document.start)
    await send(document.finish)


def _has(document: Document, headers: Iterable[Header]) -> bool:
    """Whether the client has this very document; If-None-Match goes before If-Modified-Since."""
    since = b""
    for name, value in headers:
        if name == b"if-none-match":
            return _names(value, document.etag)
        if name == b"if-modified-since":
            since = value
    return bool(since and document.last_modified) and _is_since(since, document.last_modified)


def _is_since(since: bytes, last_modified: bytes) -> bool:
    """Whether nothing was modified since that HTTP date; what is no date is no condition."""
    if since == last_modified:
        return True
    try:
        dates = [
            email.utils.parsedate_to_datetime(each.decode()) for each in (last_modified, since)
        ]
    except ValueError:  # UnicodeDecodeError is one
        return False
    # a date without a zone is one in UTC that says so in an unusual way: "-0000"
    modified, seen = (each.replace(tzinfo=each.tzinfo or dt.UTC) for each in dates)
    return modified <= seen


def _names(condition: bytes, etag: bytes) -> bool:
    """Whether If-None-Match lists this tag; weak comparison."""
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in condition.split(b","))
