"""The limits per client address, checked before anything of a request but its path."""

from collections.abc import Callable, Mapping

from newel.registration.rate_limits import Limit, RateLimitedError
from newel.runtime.asgi import ASGIApp, Receive, Scope, Send
from newel.runtime.clock import Clock
from newel.runtime.errors import NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.client_addresses import ClientAddresses
from newel.runtime.http.response import Response


class RateLimitMiddleware:
    """Passes a request on when its client's address is within every limit that applies to the path."""

    def __init__(
        self,
        app: ASGIApp,
        addresses: ClientAddresses,
        requests: Limit,
        clock: Clock,
        render: Callable[[NewelError], Response],
        more: Mapping[str, Limit] | None = None,
    ) -> None:
        """``more`` limits are by the end of the paths they are for; ``render`` speaks the app's dialect."""
        self._app = app
        self._addresses = addresses
        self._requests = requests
        self._more = tuple((more or {}).items())
        self._clock = clock
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        address = (scope.get("client") or ("",))[0]
        key = self._addresses.key(address)
        if key is not None:
            now = self._clock.unix()
            try:
                self._requests.check(key, now, remote_address=address)
                for end, limit in self._more:
                    if scope["path"].endswith(end):
                        limit.check(key, now, remote_address=address)
            except RateLimitedError as error:
                scope[ROUTE] = "limited"
                await self._render(error).send(send, body=scope["method"] != "HEAD")
                return
        await self._app(scope, receive, send)
