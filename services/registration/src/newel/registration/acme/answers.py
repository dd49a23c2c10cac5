"""Answers: a status, a body and headers; problem documents of refusals."""

from dataclasses import dataclass
from typing import Any

import msgspec

from newel.acme import algorithms, problems
from newel.acme.identifiers import Identifier
from newel.registration.rate_limits import RateLimitedError
from newel.runtime.errors import ErrorType, NewelError

Header = tuple[bytes, bytes]

JSON = b"application/json"
PROBLEM = b"application/problem+json"

# Refusals of ours that RFC 8555 has no name for travel under the nearest one, with their own status.
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

encode = msgspec.json.Encoder().encode
"""JSON octets of an object."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client, before the headers every answer has."""

    status: int
    body: bytes = b""
    content_type: bytes = b""
    headers: tuple[Header, ...] = ()


def json(value: Any, *headers: Header, status: int = 200) -> Answer:
    """An answer that is an object of RFC 8555 §7.1."""
    return Answer(status, encode(value), JSON, headers)


def location(url: str) -> Header:
    """A Location header."""
    return (b"location", url.encode())


def link(url: str, relation: str) -> Header:
    """A Link header."""
    return (b"link", f'<{url}>;rel="{relation}"'.encode())


def retry_after(seconds: int) -> Header:
    """A Retry-After header."""
    return (b"retry-after", b"%d" % seconds)


def problem_document(error: NewelError) -> problems.Problem:
    """The problem document of a refusal (RFC 8555 §6.7)."""
    parts = [
        problems.Subproblem(
            problems.NAMESPACE + _NAMES.get(part.type, part.type).value,
            part.detail,
            Identifier(part.identifier_type, part.identifier_value),
        )
        for part in error.subproblems
    ]
    lists = algorithms.ALGORITHMS if error.type is ErrorType.BAD_SIGNATURE_ALGORITHM else ()
    return problems.problem(
        _NAMES.get(error.type, error.type).value,
        error.detail,
        status=error.http_status,
        subproblems=parts,
        algorithms=lists,
    )


def refusal(error: NewelError, *headers: Header) -> Answer:
    """The answer that carries a refusal."""
    body = encode(problem_document(error))
    known = isinstance(error, RateLimitedError)
    seconds = error.seconds if known else _RETRY_AFTER.get(error.type)
    extra = headers if seconds is None else (*headers, retry_after(seconds))
    return Answer(error.http_status, body, PROBLEM, extra)
