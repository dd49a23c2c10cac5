"""Bodies of requests: read up to a limit, then decoded."""

from typing import TypeVar

import msgspec

from newel.registration.errors import malformed
from newel.runtime.asgi import Receive, Scope
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.request_body import read_body

LARGEST = 1024 * 1024
"""Octets."""

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
        raise malformed("error decoding json", cause=str(error)[:200]) from None


async def drain(receive: Receive, scope: Scope) -> bytes:
    """The whole body, up to its limit of size. Raises the refusal."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (len(value) > _DIGITS or int(value) > LARGEST):
            raise _too_large()
    try:
        return await read_body(receive, LARGEST)
    except NewelError as error:
        if error.type is ErrorType.TOO_LARGE:
            raise
        raise malformed(error.detail) from None


def _too_large() -> NewelError:
    return NewelError(ErrorType.TOO_LARGE, "the body is too large")
