"""A response as a value: what a route decides, apart from the ASGI messages that carry it."""

import msgspec

from newel.runtime.asgi import Send

Header = tuple[bytes, bytes]

JSON = b"application/json"
_NOT_MODIFIED = 304


class Response(msgspec.Struct, frozen=True):
    """A status, a whole body and the headers that are not the same for every response."""

    status: int
    body: bytes = b""
    content_type: bytes = b""
    headers: tuple[Header, ...] = ()

    async def send(self, send: Send, *headers: Header, body: bool = True) -> None:
        """Send it, with more headers; without its body where HEAD asked for it."""
        lines = [*headers, *self.headers]
        if (
            self.status != _NOT_MODIFIED
        ):  # the length would be that of the body there is (RFC 9110 §8.6)
            lines.append((b"content-length", b"%d" % len(self.body)))
        if self.content_type:
            lines.append((b"content-type", self.content_type))
        await send({"type": "http.response.start", "status": self.status, "headers": lines})
        await send({"type": "http.response.body", "body": self.body if body else b""})


def retry_after(seconds: int) -> Header:
    """Return a Retry-After header (RFC 9110 §10.2.3)."""
    return (b"retry-after", b"%d" % seconds)
