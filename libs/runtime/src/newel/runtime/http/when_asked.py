"""Apps whose framework is slow to load and that few processes are ever asked for."""

import asyncio
from collections.abc import Callable

from newel.runtime.asgi import ASGIApp, Receive, Scope, Send
from newel.runtime.work import run_in_thread


class WhenAsked:
    """An ASGI app that is made at its first request.

    It is made in a thread, so that whoever shares the loop hardly notices.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI request."""
        if self._app is None:
            async with self._making:
                self._app = self._app or await run_in_thread(self._make)
        await self._app(scope, receive, send)
