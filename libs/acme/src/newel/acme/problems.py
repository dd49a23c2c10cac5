"""Problem documents (RFC 8555 §6.7, RFC 9457) and the error this library raises."""

import enum
from collections.abc import Sequence

import msgspec

from newel.acme.identifiers import Identifier

NAMESPACE = "urn:ietf:params:acme:error:"


class ErrorCode(enum.StrEnum):
    """The error types of RFC 8555 §6.7 that this library itself finds."""

    BAD_NONCE = "badNonce"
    BAD_PUBLIC_KEY = "badPublicKey"
    BAD_SIGNATURE_ALGORITHM = "badSignatureAlgorithm"
    MALFORMED = "malformed"
    UNAUTHORIZED = "unauthorized"


class Subproblem(msgspec.Struct, omit_defaults=True):
    """One part of a compound problem (RFC 8555 §6.7.1)."""

    type: str
    detail: str
    identifier: Identifier | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as ``application/problem+json``; absent members are left out, never null."""

    type: str
    detail: str
    status: int | None = None
    subproblems: list[Subproblem] | msgspec.UnsetType = msgspec.UNSET
    algorithms: list[str] | msgspec.UnsetType = msgspec.UNSET

    @property
    def name(self) -> str:
        """The type without its namespace, for example "badNonce"."""
        return self.type.removeprefix(NAMESPACE)


class ACMEError(Exception):
    """A message breaks a rule; ``detail`` is for the client."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def problem(
    name: str,
    detail: str,
    *,
    status: int | None = None,
    subproblems: Sequence[Subproblem] = (),
    algorithms: Sequence[str] = (),
) -> Problem:
    """Return a problem document of the ACME namespace; empty lists are omitted."""
    return Problem(
        type=NAMESPACE + name,
        detail=detail,
        status=status,
        subproblems=list(subproblems) or msgspec.UNSET,
        algorithms=list(algorithms) or msgspec.UNSET,
    )
