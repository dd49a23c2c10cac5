"""What every request gets from one middleware: an id, a line in the access log, a count and a duration."""

import time
from contextvars import ContextVar
from typing import Any

import msgspec
from prometheus_client import Counter, Histogram

from newel.runtime.asgi import ASGIApp, Message, Receive, Scope, Send
from newel.runtime.clock import Clock
from newel.runtime.line_sink import LineSink, SinkFullError
from newel.runtime.metrics import HTTPMetrics
from newel.runtime.request_id import enter_foreign_request
from newel.runtime.timestamps import Timestamps

ROUTE = "newel.route"
"""Where an app leaves the route's name in the scope; without it a request counts as ``other``."""

_encode = msgspec.json.Encoder(enc_hook=str).encode
_seen: ContextVar[dict[str, Any] | None] = ContextVar("newel_access", default=None)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_LONGEST = 256
_LONGEST_CAUSE = 1024


def note_cause(cause: str) -> None:
    """Have the access log's line of the request being served say why it was refused.

    Clients are told little and sent to the logs for the rest. Outside of a request nothing happens.
    """
    seen = _seen.get()
    if seen is not None:
        seen["cause"] = cause[:_LONGEST_CAUSE]


class AccessLogMiddleware:
    """Wraps a service's ASGI app. Paths that the service counts itself are routed around it."""

    def __init__(
        self,
        app: ASGIApp,
        service: str,
        clock: Clock,
        sink: LineSink | None,
        metrics: HTTPMetrics,
        trace_header: str = "",
    ) -> None:
        """``trace_header`` names the header with the request's id where there is no X-Request-Id."""
        self._app = app
        self._service = service
        self._times = Timestamps(clock)
        self._sink = sink
        self._metrics = metrics
        self._trace_header = trace_header.lower().encode()
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[str, Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        began = time.perf_counter()
        seen: dict[str, Any] = {"status": 500, "size": 0}
        _seen.set(seen)
        given = traced = b""
        agent = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"user-agent":
                agent = value
            elif name == self._trace_header:
                traced = value
        identifier = enter_foreign_request((given or traced).decode("latin-1"))
        header = (b"x-request-id", identifier.encode())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                # a copy: apps may send the same message object again and again
                message = {**message, "headers": [*message.get("headers", ()), header]}
            else:
                seen["size"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._account(scope, seen, identifier, agent, time.perf_counter() - began)

    def _counter(self, route: str, method: str, status: int) -> Counter:
        """Return the child of one combination, looked up once: `labels` costs as much as counting."""
        known = self._counters.get((route, method, status))
        if known is None:
            known = self._metrics.requests.labels(self._service, route, method, str(status))
            self._counters[route, method, status] = known
        return known

    def _histogram(self, route: str) -> Histogram:
        known = self._histograms.get(route)
        if known is None:
            known = self._metrics.seconds.labels(self._service, route)
            self._histograms[route] = known
        return known

    def _account(
        self, scope: Scope, seen: dict[str, Any], identifier: str, agent: bytes, seconds: float
    ) -> None:
        route = scope.get(ROUTE, "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._counter(route, method, seen["status"]).inc()
        self._histogram(route).observe(seconds)
        if self._sink is None:
            return
        line = {
            "time": self._times.now(),
            "level": "info" if seen["status"] < 500 else "error",
            "logger": "access",
            "service": self._service,
            "request_id": identifier,
            "method": method,
            "path": scope["path"][:_LONGEST],
            "protocol": "HTTP/" + scope.get("http_version", "1.1"),
            "status": seen["status"],
            "size": seen["size"],
            "duration_ms": round(seconds * 1000, 3),
            "remote_address": (scope.get("client") or ("",))[0],
            "user_agent": agent[:_LONGEST].decode("latin-1"),
        }
        if seen["status"] >= 400 and "cause" in seen:
            line["cause"] = seen["cause"]
        try:
            self._sink.write(_encode(line) + b"\n")
        except SinkFullError:
            return  # the access log is a convenience; the audit trail is what must not be lost
