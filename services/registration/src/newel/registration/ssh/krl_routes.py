"""``/ssh/krl`` and ``/ssh/krl.sig``: the key revocation list and its signature, or where they are."""

import msgspec

from newel.registration.ssh.krl import KRLMirror
from newel.registration.step.error_responses import error_response
from newel.runtime.asgi import Receive, Scope
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import JSON, Response, retry_after

_LIST, _SIGNATURE = b"application/octet-stream", b"text/plain; charset=us-ascii"
_FRESH = (b"cache-control", b"max-age=1, public, no-transform, must-revalidate")
_AGAIN = retry_after(1)


class KRLRoutes:
    """Serves both: from the validation authority, or by the address that clients know."""

    def __init__(self, mirror: KRLMirror | None, url: str) -> None:
        """Without ``mirror`` clients are led to ``url``, and with neither they are told so."""
        self._mirror = mirror
        self._url = url

    async def serve_list(self, scope: Scope, _receive: Receive) -> Response:
        """Answer with the list, or that the client has it already (RFC 9110 §13.1.2)."""
        if self._mirror is None:
            return self._lead("")
        try:
            found = await self._mirror.get()
        except NewelError as error:
            return _refuse(error)
        headers = ((b"etag", found.etag), _FRESH)
        if _names(scope, found.etag):
            return Response(304, headers=headers)
        return Response(200, found.octets, _LIST, headers)

    async def serve_signature(self, _scope: Scope, _receive: Receive) -> Response:
        """Answer with the signature of the list."""
        if self._mirror is None:
            return self._lead(".sig")
        try:
            found = await self._mirror.get()
        except NewelError as error:
            return _refuse(error)
        return Response(200, found.signature, _SIGNATURE, (_FRESH,))

    def _lead(self, suffix: str) -> Response:
        """Say where it is. Its signature vouches for it."""
        if not self._url:
            raise NewelError(ErrorType.NOT_FOUND, "the key revocation list is not served here")
        place = f"{self._url}{suffix}"
        body = msgspec.json.encode({"url": place}) + b"\n"
        return Response(307, body, JSON, ((b"location", place.encode()),))


def _refuse(error: NewelError) -> Response:
    """Say when to ask again, while the validation authority cannot be asked."""
    return error_response(error, *((_AGAIN,) if error.type is ErrorType.UNAVAILABLE else ()))


def _names(scope: Scope, etag: bytes) -> bool:
    """Tell whether If-None-Match lists the entity tag; weak comparison."""
    return any(
        tag.strip().removeprefix(b"W/") in {etag, b"*"}
        for name, value in scope["headers"]
        if name == b"if-none-match"
        for tag in value.split(b",")
    )
