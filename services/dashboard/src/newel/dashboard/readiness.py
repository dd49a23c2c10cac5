"""Whether the authority is ready, as its parts say one by one."""

import asyncio
from collections.abc import Mapping

import msgspec

from newel.dashboard.interfaces import Caller, Interfaces
from newel.dashboard.remote import RemoteApp
from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.errors import NewelError

_NO_ONE = Caller(None, None)


class _Readiness(msgspec.Struct):
    """What ``/readyz`` of a part says is missing, by name."""

    missing: dict[str, str] = {}


class Readiness:
    """Answers ``/readyz`` for the whole: 200, or 503 with what is missing, by the part that misses it."""

    def __init__(self, registration: RemoteApp, parts: Mapping[str, RemoteApp]) -> None:
        """Ask the registration authority whether it serves clients, and each part for its ``/readyz``."""
        self._registration = Interfaces(registration)
        self._parts = {name: Interfaces(app) for name, app in parts.items()}

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        asked = [_ask(name, part, "/readyz") for name, part in self._parts.items()]
        asked.append(_ask("registration authority", self._registration, "/health"))
        found = await asyncio.gather(*asked)
        missing = {name: cause for each in found for name, cause in each.items()}
        start = {
            "type": "http.response.start",
            "status": 503 if missing else 200,
            "headers": [(b"content-type", b"application/json")],
        }
        await send(start)
        body = msgspec.json.encode({"missing": missing})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _ask(name: str, part: Interfaces, path: str) -> dict[str, str]:
    """Return what a part misses, by name; nothing where it is ready."""
    try:
        status, body = await part.call(_NO_ONE, "GET", path)
    except NewelError as error:
        return {name: error.detail}
    if status == 200:
        return {}
    try:
        missing = msgspec.json.decode(body, type=_Readiness).missing
    except msgspec.DecodeError:
        missing = {}
    causes = {f"{name}: {what}": cause for what, cause in missing.items()}
    return causes or {name: f"HTTP status {status}"}
