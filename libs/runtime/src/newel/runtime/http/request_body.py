"""A request's body, read up to a bound. The listener bounds the time of every body, for all apps alike."""

from collections.abc import Iterable

from newel.runtime.asgi import Receive
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Header


async def read_body(
    receive: Receive, max_size: int, headers: Iterable[Header] = (), *, first: bytes | None = None
) -> bytes:
    """Read the whole body, of at most ``max_size`` octets; ``first`` is what was received before.

    A Content-Length in ``headers`` that exceeds the bound is rejected before anything is read. Raises
    NewelError: ``tooLarge``, or ``malformed`` when the client left or the listener gave up on it.
    """
    for name, value in headers:
        if name == b"content-length":
            _check(int(value[:20]), max_size)
    message = {} if first is not None else await receive()
    if message.get("type") == "http.disconnect":
        raise _incomplete()
    data: bytes = message.get("body", b"") if first is None else first
    if first is None and not message.get("more_body"):  # as nearly all are
        _check(len(data), max_size)
        return data
    parts = bytearray(data)
    while True:
        _check(len(parts), max_size)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _incomplete()
        parts += message.get("body", b"")
        if not message.get("more_body"):
            _check(len(parts), max_size)
            return bytes(parts)


def _check(size: int, max_size: int) -> None:
    if size > max_size:
        raise NewelError(ErrorType.TOO_LARGE, "the body is too large")


def _incomplete() -> NewelError:
    return NewelError(ErrorType.MALFORMED, "the request ended too early")
