"""``/livez`` (the process runs), ``/readyz`` (it can do its work) and ``/metrics``, as a small ASGI app.

Readiness depends on what the process owns: its disk, its database, its keys. A peer that does not answer is
listed too and changes nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry

from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.metrics import CONTENT_TYPE, expose
from newel.runtime.service import Hook, Report

READY_SECONDS = 3.0
PUBLIC_PATHS = ("/livez", "/readyz")
"""Paths that are also served on public addresses, for load balancers; the metrics are not.

Probes are no traffic, and a service that is not ready made no error: they are neither logged nor counted.
"""
CHECK_INTERVAL = 0.5
"""Seconds that one check is reused: any client may ask, and a check writes to the disk."""


class Health:
    """The health of every service of the process. ``ready`` checks raise with what is missing.

    ``unreachable`` are the peers that do not answer, each with the reason. ``reports`` are further parts of
    the body; like absent peers they make nothing unready.
    """

    def __init__(
        self,
        ready: Mapping[str, Hook],
        registries: Sequence[CollectorRegistry],
        unreachable: Mapping[str, str] | None = None,
    ) -> None:
        self._ready = ready
        self._registries = registries
        self.reports: dict[str, Report] = {}
        if unreachable is not None:
            self.reports["unreachable"] = lambda: unreachable
        self._lock = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._checked_at: float | None = None
        self.draining = False

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/livez":
            await send_response(send, 200, b'{"status":"ok"}\n', b"application/json")
        elif path == "/readyz":
            missing = await self.find_recently_missing()
            body: dict[str, object] = {"status": "ok"}
            if missing:
                body = {"status": "not ready", "missing": missing}
            body |= {name: found for name, report in self.reports.items() if (found := report())}
            await send_response(
                send,
                503 if missing else 200,
                msgspec.json.encode(body) + b"\n",
                b"application/json",
            )
        elif path == "/metrics":
            text = expose(self._registries)
            await send_response(send, 200, text, CONTENT_TYPE.encode())
        else:
            await send_response(send, 404, b"not found\n", b"text/plain")

    async def find_recently_missing(self) -> dict[str, str]:
        """Return what is missing; one check answers every request of half a second."""
        loop = asyncio.get_running_loop()
        if self.draining:
            return await self.find_missing()
        async with self._lock:
            if self._checked_at is None or loop.time() - self._checked_at > CHECK_INTERVAL:
                self._found = await self.find_missing()
                self._checked_at = loop.time()
        return self._found

    async def is_ready(self) -> bool:
        """Tell whether nothing is missing."""
        return not await self.find_recently_missing()

    async def find_missing(self) -> dict[str, str]:
        """Run every check; return what keeps each service from working, {} when all is well."""
        if self.draining:
            return {"process": "it is shutting down"}
        found: dict[str, str] = {}
        for name, check in self._ready.items():
            try:
                async with asyncio.timeout(READY_SECONDS):
                    await check()
            except TimeoutError:
                found[name] = f"no answer within {READY_SECONDS:.0f} s"
            except Exception as error:  # noqa: BLE001 - whatever it is, it keeps the service from working
                found[name] = str(error) or type(error).__name__
        return found


async def send_response(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    """Send one whole response."""
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
