"""The table of the step API: every path with and without ``/1.0``, and the few with a variable part."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from newel.registration.step.error_responses import error_response
from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.response import Response

_log = logging.getLogger("newel.registration.step.routing")

READ = ("GET", "HEAD")
_PREFIX = "/1.0"

Handler = Callable[[Scope, Receive], Awaitable[Response]]


class Route(NamedTuple):
    """What serves one path."""

    name: str
    methods: tuple[str, ...]
    handler: Handler


class RouteTable:
    """Finds the route of a path: a look-up for nearly all of them."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        """``routes`` are by path below the root; ``{name}`` is one segment, ``{name:path}`` all that is left."""
        self._exact = {
            f"{prefix}/{path}": route
            for path, route in routes.items()
            for prefix in ("", _PREFIX)
            if "{" not in path
        }
        self._patterns = [(_pattern(path), route) for path, route in routes.items() if "{" in path]

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request by its route; every error is a response."""
        route = self.find(scope)
        method = scope["method"]
        if route is None:
            response = error_response(NewelError(ErrorType.NOT_FOUND, ""))
        elif method not in route.methods:
            allow = (b"allow", ", ".join(route.methods).encode())
            response = error_response(NewelError(ErrorType.METHOD_NOT_ALLOWED, ""), allow)
        else:
            scope[ROUTE] = route.name
            response = await _respond(route.handler(scope, receive))
        await response.send(send, body=method != "HEAD")

    def find(self, scope: Scope) -> Route | None:
        """Return the route and leave the variable parts in ``scope["path_params"]``; None without one."""
        route = self._exact.get(scope["path"])
        if route is not None:
            return route
        path = plain_path(scope["path"])
        for pattern, route in self._patterns:
            if match := pattern.fullmatch(path):
                scope["path_params"] = match.groupdict()
                return route
        return self._exact.get(path)


async def _respond(work: Awaitable[Response]) -> Response:
    """Return the response, or that of the error; one without a type is logged and tells nothing."""
    try:
        return await work
    except NewelError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001 - the border: a client learns nothing of it
        _log.exception("a request failed")
        return error_response(NewelError(ErrorType.SERVER_INTERNAL, ""))


def plain_path(path: str) -> str:
    """Drop the slashes too many, inside a path and at its end, that clients make when they join URLs."""
    if "//" not in path and not path.endswith("/"):
        return path
    return "/" + "/".join(filter(None, path.split("/")))


def _pattern(path: str) -> re.Pattern[str]:
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace(".", r"\."))
    text = re.sub(r"\{(\w+):path\}", r"(?P<\1>.*)", text)
    return re.compile(rf"(?:{re.escape(_PREFIX)})?/{text}", re.DOTALL)
