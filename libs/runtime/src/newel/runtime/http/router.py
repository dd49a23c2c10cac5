"""Finds the app of a request by the beginning of its path."""

import asyncio
import re
from collections.abc import Callable, Mapping

from newel.runtime.asgi import ASGIApp, Receive, Scope, Send
from newel.runtime.work import run_in_thread


class Router:
    """Several apps on one listener, each below a path prefix, and a default for every other path.

    ``/crl`` is that path and what is below it; ``/crl/`` is only what is below it; ``/`` is that path alone.
    The path is passed on whole.
    Of several prefixes the longest decides.
    """

    def __init__(self, apps: Mapping[str, ASGIApp], default: ASGIApp) -> None:
        if isinstance(default, Router):  # one look-up for both
            apps, default = {**default.apps, **apps}, default.default
        self.apps = apps
        self.default = default
        longest_first = sorted(apps, key=len, reverse=True)
        ends = (
            re.escape(each) + (r"\Z" if each == "/" else "" if each.endswith("/") else r"(?=/|\Z)")
            for each in longest_first
        )
        self._match = re.compile("|".join(ends) or r"(?!)").match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        found = self._match(scope["path"])
        app = self.default if found is None else self.apps[found[0]]
        await app(scope, receive, send)


class LazyApp:
    """An app that is built at its first request, in a thread: its framework takes long to load."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        if self._app is None:
            async with self._lock:
                self._app = self._app or await run_in_thread(self._build)
        await self._app(scope, receive, send)
