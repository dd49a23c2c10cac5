"""The one table of refusals: each with the HTTP status and the gRPC code it travels under.

The names are those of RFC 8555 §6.7 and of ACME's extensions plus a few of our own; the registration
authority alone renders them for clients (a problem document for ACME, ``{"status", "message"}`` for the step API).
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import grpc


class ErrorType(enum.StrEnum):
    """What went wrong, as a stable name."""

    ACCOUNT_DOES_NOT_EXIST = "accountDoesNotExist"
    ALREADY_REPLACED = "alreadyReplaced"
    ALREADY_REVOKED = "alreadyRevoked"
    BAD_ATTESTATION_STATEMENT = "badAttestationStatement"
    BAD_CSR = "badCSR"
    BAD_NONCE = "badNonce"
    BAD_PUBLIC_KEY = "badPublicKey"
    BAD_REVOCATION_REASON = "badRevocationReason"
    BAD_SIGNATURE_ALGORITHM = "badSignatureAlgorithm"
    CAA = "caa"
    CONNECTION = "connection"
    DNS = "dns"
    EXTERNAL_ACCOUNT_REQUIRED = "externalAccountRequired"
    INCORRECT_RESPONSE = "incorrectResponse"
    INVALID_CONTACT = "invalidContact"
    INVALID_PROFILE = "invalidProfile"
    MALFORMED = "malformed"
    ORDER_NOT_READY = "orderNotReady"
    RATE_LIMITED = "rateLimited"
    REJECTED_IDENTIFIER = "rejectedIdentifier"
    SERVER_INTERNAL = "serverInternal"
    TLS = "tls"
    UNAUTHORIZED = "unauthorized"
    UNSUPPORTED_CONTACT = "unsupportedContact"
    UNSUPPORTED_IDENTIFIER = "unsupportedIdentifier"
    USER_ACTION_REQUIRED = "userActionRequired"
    # our own
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    METHOD_NOT_ALLOWED = "methodNotAllowed"
    NOT_FOUND = "notFound"
    NOT_IMPLEMENTED = "notImplemented"
    TOO_LARGE = "tooLarge"
    UNAVAILABLE = "unavailable"
    UNSUPPORTED_MEDIA_TYPE = "unsupportedMediaType"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How a refusal travels."""

    http: int
    grpc: grpc.StatusCode


_BAD = ErrorRow(400, grpc.StatusCode.INVALID_ARGUMENT)
_DENIED = ErrorRow(403, grpc.StatusCode.PERMISSION_DENIED)

ERRORS: dict[ErrorType, ErrorRow] = {
    **dict.fromkeys(ErrorType, _BAD),
    ErrorType.ALREADY_REPLACED: ErrorRow(409, grpc.StatusCode.ALREADY_EXISTS),
    ErrorType.ALREADY_REVOKED: ErrorRow(400, grpc.StatusCode.ALREADY_EXISTS),
    ErrorType.CAA: _DENIED,
    ErrorType.CONFLICT: ErrorRow(409, grpc.StatusCode.ABORTED),
    ErrorType.EXTERNAL_ACCOUNT_REQUIRED: ErrorRow(403, grpc.StatusCode.PERMISSION_DENIED),
    ErrorType.FORBIDDEN: _DENIED,
    ErrorType.INCORRECT_RESPONSE: _DENIED,
    ErrorType.METHOD_NOT_ALLOWED: ErrorRow(405, grpc.StatusCode.UNIMPLEMENTED),
    ErrorType.NOT_FOUND: ErrorRow(404, grpc.StatusCode.NOT_FOUND),
    ErrorType.NOT_IMPLEMENTED: ErrorRow(501, grpc.StatusCode.UNIMPLEMENTED),
    ErrorType.ORDER_NOT_READY: ErrorRow(403, grpc.StatusCode.FAILED_PRECONDITION),
    ErrorType.RATE_LIMITED: ErrorRow(429, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ErrorType.REJECTED_IDENTIFIER: _DENIED,
    ErrorType.SERVER_INTERNAL: ErrorRow(500, grpc.StatusCode.INTERNAL),
    ErrorType.TOO_LARGE: ErrorRow(413, grpc.StatusCode.INVALID_ARGUMENT),
    ErrorType.UNAUTHORIZED: ErrorRow(401, grpc.StatusCode.UNAUTHENTICATED),
    ErrorType.UNAVAILABLE: ErrorRow(503, grpc.StatusCode.UNAVAILABLE),
    ErrorType.UNSUPPORTED_MEDIA_TYPE: ErrorRow(415, grpc.StatusCode.INVALID_ARGUMENT),
    ErrorType.USER_ACTION_REQUIRED: _DENIED,
}


@dataclass(frozen=True, slots=True)
class Subproblem:
    """One part of a compound refusal (RFC 8555 §6.7.1)."""

    type: ErrorType
    detail: str
    identifier_type: str
    identifier_value: str
    uri: str = ""
    """The whole type, where it is not one of RFC 8555: a webhook's code. It crosses no gRPC border."""


class NewelError(Exception):
    """A refusal that crosses every border as itself.

    ``detail`` may be shown to the client and says what to do. ``cause`` is for the audit trail.
    ``compromised_key``: whether the request came with a key that was declared compromised.
    """

    def __init__(
        self,
        type: ErrorType,  # noqa: A002 - RFC 9457 calls it so
        detail: str,
        *,
        cause: str = "",
        subproblems: Sequence[Subproblem] = (),
        compromised_key: bool = False,
    ) -> None:
        super().__init__(detail)
        self.type = type
        self.detail = detail
        self.cause = cause or detail
        self.subproblems = tuple(subproblems)
        self.compromised_key = compromised_key

    @property
    def http_status(self) -> int:
        """The HTTP status this refusal is answered with."""
        return ERRORS[self.type].http
