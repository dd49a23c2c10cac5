"""Responses to messages that no signed answer can name: a status and a line of text."""

from newel.registration.rate_limits import RateLimitedError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Header, Response, retry_after

TEXT = b"text/plain; charset=utf-8"


def error_response(error: NewelError) -> Response:
    """Return the response that carries an error."""
    headers: tuple[Header, ...] = ()
    if isinstance(error, RateLimitedError):
        headers = (retry_after(error.seconds),)
    elif error.type is ErrorType.UNAVAILABLE:
        headers = (retry_after(5),)
    shown = error.detail if error.http_status < 500 or error.type is ErrorType.UNAVAILABLE else ""
    text = shown or "the request could not be answered"
    return Response(error.http_status, f"{text}\n".encode(), TEXT, headers)
