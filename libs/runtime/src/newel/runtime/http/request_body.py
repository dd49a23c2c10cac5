"""A request's body, read up to a bound. How long it may take is the listener's to say, for every app alike."""

from newel.runtime.asgi import Receive
from newel.runtime.errors import ErrorType, NewelError


async def read_body(receive: Receive, largest: int, first: bytes | None = None) -> bytes:
    """Read the whole body, of at most ``largest`` octets; ``first`` is what was received before.

    Raises NewelError: ``tooLarge``, or ``malformed`` when the client went away or the listener lost patience.
    """
    message = {} if first is not None else await receive()
    if message.get("type") == "http.disconnect":
        raise _ended()
    data: bytes = message.get("body", b"") if first is None else first
    if first is None and not message.get("more_body"):  # as nearly all are
        _check(len(data), largest)
        return data
    parts = bytearray(data)
    while True:
        _check(len(parts), largest)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ended()
        parts += message.get("body", b"")
        if not message.get("more_body"):
            _check(len(parts), largest)
            return bytes(parts)


def _check(size: int, largest: int) -> None:
    if size > largest:
        raise NewelError(ErrorType.TOO_LARGE, "the body is too large")


def _ended() -> NewelError:
    return NewelError(ErrorType.MALFORMED, "the request ended too early")
