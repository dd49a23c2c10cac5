"""Responses of remote management: JSON as its clients read it, errors with a type, a detail and a message."""

from collections.abc import Mapping
from typing import Any

import msgspec

from newel.registration.rate_limits import RateLimitedError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import JSON, Header, Response, retry_after

OK = Response(200, b'{"status":"ok"}\n', JSON)

_TYPES: Mapping[int, tuple[str, str]] = {
    400: ("badRequest", "bad request"),
    401: ("unauthorized", "unauthorized"),
    403: ("unauthorized", "unauthorized"),
    404: ("notFound", "resource not found"),
    405: ("badRequest", "bad request"),
    409: ("conflict", "conflict"),
    412: ("conflict", "conflict"),
    413: ("badRequest", "bad request"),
    429: ("rateLimited", "too many requests"),
    500: ("internalServerError", "the server experienced an internal error"),
    501: ("notImplemented", "not implemented"),
    503: ("unavailable", "the server is unavailable"),
}
_encode = msgspec.json.Encoder().encode


def json_response(content: Any, status: int = 200, *, revision: int | None = None) -> Response:
    """Return a response with a JSON body, and with the revision of its record as its entity tag."""
    headers: tuple[Header, ...] = ((b"cache-control", b"no-store"),)
    if revision is not None:
        headers += ((b"etag", b'"%d"' % revision),)
    return Response(status, _encode(content) + b"\n", JSON, headers)


def error_response(error: NewelError, *headers: Header) -> Response:
    """Return the response that carries an error."""
    status = error.http_status
    kind, detail = _TYPES.get(status, _TYPES[500])
    # what went wrong inside is for the audit trail alone
    message = error.detail if error.type is not ErrorType.SERVER_INTERNAL else detail
    body = {"type": kind, "detail": detail, "message": message or detail}
    if isinstance(error, RateLimitedError):
        headers = (*headers, retry_after(error.seconds))
    return Response(status, _encode(body) + b"\n", JSON, headers)
