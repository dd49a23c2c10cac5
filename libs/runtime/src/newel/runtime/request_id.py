"""The request id: taken from ``X-Request-Id`` or made, carried along in a context variable."""

import re
import uuid
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"

_current: ContextVar[str] = ContextVar("newel_request_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def request_id() -> str:
    """The id of the request being served, or "" outside of any."""
    return _current.get()


def enter_request(given: str = "") -> str:
    """Makes ``given`` the current id, or a new one when it is empty or not a plain short word.

    It stays current for the rest of the task that calls this.
    """
    accepted = given if _ACCEPTED.fullmatch(given) else str(uuid.uuid4())
    _current.set(accepted)
    return accepted


class RequestIdMiddleware:
    """Takes the id from the request, makes one where there is none, and gives it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        header = (b"x-request-id", enter_request(given.decode("latin-1")).encode())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                # a copy: apps may send the same message object again and again
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await self._app(scope, receive, answer)
