"""The limits per client address, before anything of a request is looked at but its path."""

from newel.registration.acme import answers
from newel.registration.rate_limits import Limit, RateLimitedError
from newel.registration.step import error_responses
from newel.runtime.asgi import ASGIApp, Receive, Scope, Send
from newel.runtime.clock import Clock
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.client_addresses import ClientAddresses

_ACME = ("/acme/", "/2.0/acme/")
_NEW_ACCOUNT = "/new-account"


class RateLimitMiddleware:
    """An ASGI app whose clients are let in as often as their addresses may ask."""

    def __init__(
        self,
        app: ASGIApp,
        addresses: ClientAddresses,
        requests: Limit,
        new_accounts: Limit,
        clock: Clock,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._requests = requests
        self._new_accounts = new_accounts
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI request."""
        address = (scope.get("client") or ("",))[0]
        key = self._addresses.key(address)
        if key is not None:
            now = self._clock.unix()
            try:
                self._requests.check(key, now, remote_address=address)
                if scope["path"].endswith(_NEW_ACCOUNT):
                    self._new_accounts.check(key, now, remote_address=address)
            except RateLimitedError as refusal:
                await _refuse(scope, send, refusal)
                return
        await self._app(scope, receive, send)


async def _refuse(scope: Scope, send: Send, refusal: RateLimitedError) -> None:
    scope[ROUTE] = "limited"
    if scope["path"].startswith(_ACME):
        answer = answers.refusal(refusal)
    else:
        retry = answers.retry_after(refusal.seconds)
        answer = answers.Answer(429, error_responses.body(refusal), answers.JSON, (retry,))
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
