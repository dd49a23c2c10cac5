"""``/livez`` (the process runs), ``/readyz`` (it can do its work) and ``/metrics``, as a small ASGI app.

What is a process's own decides whether it is ready: its disk, its database, its keys. A peer that does
not answer is named beside that and changes nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry

from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.metrics import CONTENT_TYPE, exposition
from newel.runtime.service import Hook

READY_SECONDS = 3.0
PUBLIC_PATHS = ("/livez", "/readyz")
"""What balancers may ask on an address that everybody reaches; the metrics are not for everybody.

Probes are no traffic, and a service that is not ready made no error: they are neither logged nor counted.
"""
ASKED_AGAIN_AFTER = 0.5
"""Seconds one look answers for: anybody may ask, and a look writes to the disk."""


class Health:
    """Answers for every service of the process. ``ready`` checks raise with what is missing.

    ``absent`` are the peers that do not answer, each with the reason.
    """

    def __init__(
        self,
        ready: Mapping[str, Hook],
        registries: Sequence[CollectorRegistry],
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self._ready = ready
        self._registries = registries
        self._absent = {} if absent is None else absent
        self._looking = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._looked: float | None = None
        self.draining = False

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one ASGI request."""
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
            if self._absent:
                body["unreachable"] = self._absent
            await send_response(
                send,
                503 if missing else 200,
                msgspec.json.encode(body) + b"\n",
                b"application/json",
            )
        elif path == "/metrics":
            text = exposition(self._registries)
            await send_response(send, 200, text, CONTENT_TYPE.encode())
        else:
            await send_response(send, 404, b"not found\n", b"text/plain")

    async def find_recently_missing(self) -> dict[str, str]:
        """The same as ``missing``, looked at once for all who ask within a moment."""
        loop = asyncio.get_running_loop()
        if self.draining:
            return await self.missing()
        async with self._looking:
            if self._looked is None or loop.time() - self._looked > ASKED_AGAIN_AFTER:
                self._found = await self.missing()
                self._looked = loop.time()
        return self._found

    async def is_ready(self) -> bool:
        """Whether nothing is missing."""
        return not await self.find_recently_missing()

    async def missing(self) -> dict[str, str]:
        """What keeps each service from working; {} when all is well."""
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
    """Sends one whole answer."""
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
