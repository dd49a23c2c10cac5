"""Calls of the authority's own HTTP interfaces with the identity of a person.

Each interface decides by itself whether the certificate is an administrator's, and writes its own line
into the audit trail: the dashboard has no right that the person lacks.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from newel.runtime.asgi import ASGIApp, Message, Receive, Scope, Send
from newel.runtime.errors import ErrorType, NewelError

_MAX_BODY = 4 * 1024 * 1024
_SECONDS = 15.0
_TYPE_PREFIX = "urn:newel:error:"

PATHS = {"inventory": "/inventory", "alerting": "/alerts", "revocations": "/revocations"}
"""The interfaces that a person needs to be known to, by name: the paths below which they are."""
_NAMES = {path: name for name, path in PATHS.items()}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an administrator's certificate (DER), or none, and the address of the client."""

    certificate: bytes | None
    client: tuple[str, int] | None
    delegations: Mapping[str, str] = field(default_factory=dict[str, str])
    """By interface; where there are any they stand in the place of the certificate."""


class _TooLargeError(Exception):
    """Stops an interface that answers too much; it is none that an interface would render itself."""


class _Problem(msgspec.Struct):
    """RFC 9457, as the administrative interfaces write it."""

    type: str = ""
    detail: str = ""


class Interfaces:
    """The interfaces of one listener, as one ASGI app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def read(self, caller: Caller, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON that a GET answers. Raises `NewelError`, the interface's own or ``unavailable``."""
        return _decode(await self.fetch(caller, path, params))

    async def post(self, caller: Caller, path: str, document: object) -> Any:
        """Send a JSON document and return the JSON of the answer. Raises `NewelError`."""
        body = msgspec.json.encode(document)
        status, answer = await self.call(caller, "POST", path, body, "application/json")
        if status >= 400:
            raise _read_error(status, answer)
        return _decode(answer)

    async def call(
        self,
        caller: Caller,
        method: str,
        path: str,
        body: bytes = b"",
        media_type: str = "",
        params: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Return the status and the body of one call. Raises ``unavailable`` after 15 seconds."""
        status, parts, size = 500, list[bytes](), 0

        async def send(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                return
            part = message.get("body", b"")
            size += len(part)
            if size > _MAX_BODY:
                raise _TooLargeError
            parts.append(part)

        headers = [(b"content-type", media_type.encode())] if media_type else []
        scope = _scope(caller, method, path, urlencode(params or {}), headers)
        try:
            with contextlib.suppress(_TooLargeError):
                async with asyncio.timeout(_SECONDS):
                    await self._app(scope, _receive_once(body), send)
        except TimeoutError as error:
            raise NewelError(
                ErrorType.UNAVAILABLE, "A part of the authority did not answer in time.", cause=path
            ) from error
        if size > _MAX_BODY:
            raise NewelError(ErrorType.UNAVAILABLE, "An interface answered too much.", cause=path)
        return status, b"".join(parts)

    async def fetch(
        self, caller: Caller, path: str, params: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body that a GET answers. Raises `NewelError`, the interface's own or ``unavailable``."""
        status, body = await self.call(caller, "GET", path, params=params)
        if status >= 400:
            raise _read_error(status, body)
        return body

    async def forward(self, caller: Caller, path: str, query: str, send: Send) -> None:
        """Answer the client with what a GET answers, as it comes."""
        await self._app(_scope(caller, "GET", path, query, []), _receive_once(b""), send)


def _scope(
    caller: Caller, method: str, path: str, query: str, headers: list[tuple[bytes, bytes]]
) -> Scope:
    chain = [caller.certificate] if caller.certificate and not caller.delegations else []
    delegation = caller.delegations.get(_NAMES.get(f"/{path.split('/')[1]}", ""))
    if delegation:
        headers = [*headers, (b"authorization", f"Bearer {delegation}".encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
        "client": caller.client,
        "extensions": {"tls": {"client_cert_chain_der": chain}},
    }


def _receive_once(body: bytes) -> Receive:
    """Return the body at the first call; the client never leaves."""
    is_sent = False

    async def receive() -> Message:
        nonlocal is_sent
        if is_sent:
            await asyncio.Event().wait()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise NewelError(ErrorType.UNAVAILABLE, "An interface's answer is no JSON.") from error


def _read_error(status: int, body: bytes) -> NewelError:
    """Return the error that an interface answered; a part without such errors is unavailable."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
        kind = ErrorType(problem.type.removeprefix(_TYPE_PREFIX))
    except (msgspec.DecodeError, ValueError):
        return NewelError(
            ErrorType.UNAVAILABLE,
            "A part of the authority could not answer.",
            cause=f"HTTP {status}",
        )
    return NewelError(kind, problem.detail)
