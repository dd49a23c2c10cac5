"""Lets scripts of chosen origins read OCSP, CRLs and certificates (the Fetch standard's CORS protocol)."""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware

from newel.runtime.asgi import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("GET", "HEAD", "POST")
_EXPOSED = ("etag", "expires", "last-modified")


class CrossOrigin:
    """An app whose answers the scripts of these origins may read.

    OCSP requests have a media type of their own, so browsers ask by OPTIONS before a POST.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = CORSMiddleware(
            _CopyMiddleware(app),
            allow_origins=origins,
            allow_methods=_METHODS,
            expose_headers=_EXPOSED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)


class _CopyMiddleware:
    """An app whose messages may be changed: those of a document are shared between requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def copy(message: Message) -> None:
            if "headers" in message:
                message = {**message, "headers": list(message["headers"])}
            await send(message)

        await self._app(scope, receive, copy)
