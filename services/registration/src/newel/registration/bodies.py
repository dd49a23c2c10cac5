"""Bodies of requests: read up to a limit, then decoded."""

import asyncio
from typing import TypeVar

import msgspec
from starlette.types import Receive, Scope

from newel.registration import refusals
from newel.runtime.errors import ErrorType, NewelError

LARGEST = 1024 * 1024
"""Octets."""

SECONDS = 15.0
"""For the whole of a body to arrive."""

_DIGITS = len(str(LARGEST))

Body = TypeVar("Body")


async def read(receive: Receive, scope: Scope, decoder: "msgspec.json.Decoder[Body]") -> Body:
    """A body of JSON. Raises the refusal."""
    return decode(decoder, await drain(receive, scope))


def decode(decoder: "msgspec.json.Decoder[Body]", data: bytes) -> Body:
    """What the octets say. Raises the refusal."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError) as error:
        if data.strip() == b"null":  # as if nothing was given
            return decoder.decode(b"{}")
        raise refusals.malformed("error decoding json", cause=str(error)[:200]) from None


async def drain(receive: Receive, scope: Scope) -> bytes:
    """The whole body, up to its limits of size and time. Raises the refusal."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (len(value) > _DIGITS or int(value) > LARGEST):
            raise _too_large()
    try:
        async with asyncio.timeout(SECONDS):
            return await _whole(receive)
    except TimeoutError:
        raise refusals.malformed("the request did not arrive in time") from None


async def _whole(receive: Receive) -> bytes:
    message = await receive()
    data: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        data += message.get("body", b"")
        if len(data) > LARGEST:
            raise _too_large()
    if message["type"] == "http.disconnect":
        raise refusals.malformed("the request ended too early")
    return data


def _too_large() -> NewelError:
    return NewelError(ErrorType.TOO_LARGE, "the body is too large")
