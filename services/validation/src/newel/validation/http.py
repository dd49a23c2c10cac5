"""Plain HTTP: OCSP, CRLs, issuer certificates, roots. Raw ASGI, because OCSP is hot.

OCSP is always answered with HTTP 200: what is wrong with a request is said in the response's own
status (RFC 6960 §4.2.1), and clients do not read the body of anything else.
"""

import re
from collections.abc import Mapping

from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.errors import NewelError
from newel.runtime.http.request_body import read_body
from newel.validation.documents import Document, Source, send_document
from newel.validation.get_request import decode_requests
from newel.validation.responder import Responder

_MAX_BODY = 8 * 1024  # octets of an OCSP request by POST

# An issuer's id names no request: the base64 of a SEQUENCE begins with M. It is there so that every
# issuer can have its own URL; the CertID decides.
_prefix = re.compile(rb"^/ocsp(?:/[0-9a-f]{16}(?=/|$))?")


class Web:
    """The ASGI app of the listener ``http``."""

    def __init__(
        self, responder: Responder, sources: Mapping[str, Source], base_path: str = ""
    ) -> None:
        self._responder = responder
        self._sources = sources
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path[:5] == "/ocsp" and path[5:6] in {"", "/"}:
            method = scope["method"]
            if method == "POST":  # here and not in a function of its own: OCSP is hot
                await self._post(receive, send)
            elif method == "GET":
                await self._get(scope, send)
            else:
                await self._ocsp(scope, receive, send)
            return
        plain = self._normalise_path(path)
        if plain[:5] == "/ocsp" and plain[5:6] in {"", "/"}:
            raw = self._normalise_path(scope["raw_path"].decode("latin-1"))
            await self._ocsp({**scope, "raw_path": raw.encode("latin-1")}, receive, send)
            return
        await send_document(self._document(scope, plain), scope, send)

    async def _ocsp(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "POST":
            await self._post(receive, send)
        elif method in {"GET", "HEAD"}:
            await self._get(scope, send)
        else:
            await send_document(_reject_method("GET, HEAD, POST"), scope, send)

    def _normalise_path(self, path: str) -> str:
        """Return the path without repeated slashes before it and without the configured base path."""
        plain = "/" + path.lstrip("/")
        if self._base_path and plain.startswith(f"{self._base_path}/"):
            return "/" + plain.removeprefix(self._base_path).lstrip("/")
        return plain

    async def _post(self, receive: Receive, send: Send) -> None:
        message = await receive()
        request = message.get("body", b"")
        if message.get("more_body"):
            request = await _rest(request, receive)
        document = self._responder.hit(request)
        if document is None:
            document = await self._responder.answer(request, [request])
        # whatever conditions the request has: 304 is no answer to a POST
        await send(document.start)
        await send(document.finish)

    async def _get(self, scope: Scope, send: Send) -> None:
        raw: bytes = scope["raw_path"]
        document = self._responder.hit(raw)
        if document is None:
            document = await self._responder.answer(raw, decode_requests(_prefix.sub(b"", raw)))
        await send_document(document, scope, send)

    def _document(self, scope: Scope, path: str) -> Document:
        source = self._sources.get(path)
        if source is None:
            return _NOT_FOUND
        if scope["method"] not in {"GET", "HEAD"}:
            return _reject_method("GET, HEAD")
        return source(scope["query_string"]) or _NOT_YET


async def _rest(body: bytes, receive: Receive) -> bytes:
    """Read the whole body; return nothing, which is malformed, when it is too long or incomplete."""
    try:
        return await read_body(receive, _MAX_BODY, first=body)
    except NewelError:
        return b""


def _text(status: int, text: str, *headers: tuple[bytes, bytes]) -> Document:
    return Document(f"{text}\n".encode(), b"text/plain; charset=utf-8", headers, status=status)


_NOT_FOUND = _text(404, "not found")
_NOT_YET = _text(503, "not published yet", (b"retry-after", b"1"))


def _reject_method(methods: str) -> Document:
    return _text(405, "method not allowed", (b"allow", methods.encode()))
