"""Several ASGI apps behind one address, by the beginning of the path."""

from collections.abc import Mapping

from newel.runtime.asgi import ASGIApp, Receive, Scope, Send


class ByPrefix:
    """Gives a request to the app whose prefix is the path or is followed by "/" in it; else to the default."""

    def __init__(self, apps: Mapping[str, ASGIApp], default: ASGIApp) -> None:
        self._apps = dict(apps)
        self._default = default
        self.accounts_for: tuple[str, ...] = getattr(default, "accounts_for", ())
        """What the apps count themselves: see ``newel.runtime.http.access_log.AccessLogMiddleware``."""
        for prefix, app in apps.items():
            if getattr(app, "uncounted", False):
                self.accounts_for += (prefix,)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI request."""
        path: str = scope.get("path", "")
        first = "/" + path[1:].partition("/")[0]
        await self._apps.get(first, self._default)(scope, receive, send)
