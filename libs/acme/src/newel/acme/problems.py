"""Problem documents (RFC 8555 §6.7, RFC 9457) and the error this library raises."""

from collections.abc import Sequence

import msgspec

from newel.acme.identifiers import Identifier

NAMESPACE = "urn:ietf:params:acme:error:"


class Subproblem(msgspec.Struct, omit_defaults=True):
    """One part of a compound problem (RFC 8555 §6.7.1)."""

    type: str
    detail: str
    identifier: Identifier | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """A refusal as ``application/problem+json``; absent members are left out, never null."""

    type: str
    detail: str
    status: int | None = None
    subproblems: list[Subproblem] | msgspec.UnsetType = msgspec.UNSET
    algorithms: list[str] | msgspec.UnsetType = msgspec.UNSET

    @property
    def name(self) -> str:
        """The type without its namespace: "badNonce"."""
        return self.type.removeprefix(NAMESPACE)


class AcmeError(Exception):
    """A message breaks a rule: ``name`` is one of RFC 8555 §6.7, ``detail`` is for the client."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail


def problem(
    name: str,
    detail: str,
    *,
    status: int | None = None,
    subproblems: Sequence[Subproblem] = (),
    algorithms: Sequence[str] = (),
) -> Problem:
    """A problem document of the ACME namespace; empty lists are omitted."""
    return Problem(
        type=NAMESPACE + name,
        detail=detail,
        status=status,
        subproblems=list(subproblems) or msgspec.UNSET,
        algorithms=list(algorithms) or msgspec.UNSET,
    )
