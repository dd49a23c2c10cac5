"""The table of the step API: every path with and without ``/1.0``, and the few with a variable part."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from newel.runtime.asgi import Receive, Scope
from newel.runtime.http.response import Response

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


def plain_path(path: str) -> str:
    """Drop the slashes too many, inside a path and at its end, that clients make when they join URLs."""
    if "//" not in path and not path.endswith("/"):
        return path
    return "/" + "/".join(filter(None, path.split("/")))


def _pattern(path: str) -> re.Pattern[str]:
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace(".", r"\."))
    text = re.sub(r"\{(\w+):path\}", r"(?P<\1>.*)", text)
    return re.compile(rf"(?:{re.escape(_PREFIX)})?/{text}", re.DOTALL)
