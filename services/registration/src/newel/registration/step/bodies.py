"""Request bodies: read up to a limit, then decoded. Every error is the response of the step API."""

from typing import TypeVar

import msgspec

from newel.registration.errors import malformed_error
from newel.runtime.asgi import Receive, Scope
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.request_body import read_body

_MAX_BODY = 1024 * 1024  # octets

Body = TypeVar("Body")


async def read(scope: Scope, receive: Receive, decoder: "msgspec.json.Decoder[Body]") -> Body:
    """Read and decode a JSON body. Raises NewelError."""
    return decode(decoder, await drain(scope, receive))


def decode(decoder: "msgspec.json.Decoder[Body]", data: bytes) -> Body:
    """Decode JSON. Raises NewelError (malformed)."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError) as error:
        if data.strip() == b"null":  # as if nothing was given
            return decoder.decode(b"{}")
        raise malformed_error("error decoding json", cause=str(error)[:200]) from None


async def drain(scope: Scope, receive: Receive) -> bytes:
    """Read the whole body, up to 1 MiB. Raises NewelError (tooLarge or malformed)."""
    try:
        return await read_body(receive, _MAX_BODY, scope["headers"])
    except NewelError as error:
        if error.type is ErrorType.TOO_LARGE:
            raise
        raise malformed_error(error.detail) from None
