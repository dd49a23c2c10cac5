"""Responses of the ACME server: objects of RFC 8555 §7.1, headers and problem documents."""

from collections.abc import Sequence
from typing import Any

import msgspec

from newel.acme import problems
from newel.acme.identifiers import Identifier
from newel.jose.jws import ALGORITHMS
from newel.registration.rate_limits import RateLimitedError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import JSON, Header, Response, retry_after

_PROBLEM = b"application/problem+json"

# Errors that RFC 8555 has no name for travel under the nearest one, with their own status.
_NAMES = {
    ErrorType.CONFLICT: ErrorType.MALFORMED,
    ErrorType.FORBIDDEN: ErrorType.UNAUTHORIZED,
    ErrorType.METHOD_NOT_ALLOWED: ErrorType.MALFORMED,
    ErrorType.NOT_FOUND: ErrorType.MALFORMED,
    ErrorType.NOT_IMPLEMENTED: ErrorType.MALFORMED,
    ErrorType.TOO_LARGE: ErrorType.MALFORMED,
    ErrorType.UNAVAILABLE: ErrorType.SERVER_INTERNAL,
    ErrorType.UNSUPPORTED_MEDIA_TYPE: ErrorType.MALFORMED,
}
_RETRY_AFTER = {ErrorType.RATE_LIMITED: 10, ErrorType.UNAVAILABLE: 5}  # seconds

_problem = msgspec.json.Decoder(problems.Problem)
_encode = msgspec.json.Encoder().encode


def json(value: Any, *headers: Header, status: int = 200) -> Response:
    """Return a response that is an object of RFC 8555 §7.1."""
    return Response(status, _encode(value), JSON, headers)


def location(url: str) -> Header:
    """Return a Location header."""
    return (b"location", url.encode())


def link(url: str, relation: str) -> Header:
    """Return a Link header."""
    return (b"link", f'<{url}>;rel="{relation}"'.encode())


def encode_problem(error: NewelError) -> bytes:
    """Encode the problem document of an error (RFC 8555 §6.7)."""
    parts = [
        problems.Subproblem(
            part.uri or problems.NAMESPACE + _NAMES.get(part.type, part.type).value,
            part.detail,
            Identifier(part.identifier_type, part.identifier_value)
            if part.identifier_type
            else None,
        )
        for part in error.subproblems
    ]
    lists = ALGORITHMS if error.type is ErrorType.BAD_SIGNATURE_ALGORITHM else ()
    document = problems.problem(
        _NAMES.get(error.type, error.type).value,
        error.detail,
        status=error.http_status,
        subproblems=parts,
        algorithms=lists,
    )
    return _encode(document)


def summarize_failures(failures: Sequence[tuple[Identifier, str]]) -> str:
    """Return the problem of an order whose identifiers were not proved, from theirs, as JSON.

    It has a subproblem for each of them (RFC 8555 §6.7.1); its own type is that of the first.
    """
    found = [(name, _problem.decode(error)) for name, error in failures]
    parts = [problems.Subproblem(each.type, each.detail, name) for name, each in found]
    (name, first), more = found[0], len(found) - 1
    detail = f"{name.value} was not proved: {first.detail}"
    if more:
        detail += f"; and {more} other identifiers were not"
    return _encode(problems.Problem(first.type, detail, first.status, parts)).decode()


def error_response(error: NewelError, *headers: Header) -> Response:
    """Return the response that carries an error."""
    body = encode_problem(error)
    known = isinstance(error, RateLimitedError)
    seconds = error.seconds if known else _RETRY_AFTER.get(error.type)
    extra = headers if seconds is None else (*headers, retry_after(seconds))
    return Response(error.http_status, body, _PROBLEM, extra)
