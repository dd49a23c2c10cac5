"""What a program sends that asks for a link: delegations of one administrator, one for each interface."""

import datetime as dt
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from newel.dashboard.interfaces import PATHS
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.request_body import read_body
from newel.step import delegations

_MAX_BODY = 96 * 1024


class DelegationProof(NamedTuple):
    """The certificate (DER) whose key signed them, and the delegations by interface."""

    certificate: bytes
    delegations: dict[str, str]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    delegations: dict[str, str]


async def read_delegations(request: Request, now: dt.datetime) -> DelegationProof | None:
    """Return what the body of a request delegates; None for one without a body.

    Raises NewelError unless they are of one certificate and one for each interface. Whether the certificate
    is an administrator's is for the inventory to say.
    """
    body = await read_body(request.receive, _MAX_BODY, request.scope["headers"])
    if not body:
        return None
    try:
        given = msgspec.json.decode(body, type=_Body).delegations
    except msgspec.DecodeError as error:
        raise NewelError(
            ErrorType.MALFORMED,
            'The body must be JSON: {"delegations": {"inventory": "..."}}.',
            cause=f"the body: {error}"[:256],
        ) from error
    if given.keys() != PATHS.keys():
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            f"There must be one delegation for each of {', '.join(PATHS)}.",
            cause=f"delegations for {', '.join(sorted(given))}"[:256],
        )
    try:
        signers = {delegations.read(text, name, now) for name, text in given.items()}
    except ValueError as error:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            f"A delegation proves nothing: {error}.",
            cause=f"a delegation: {error}",
        ) from None
    if len(signers) != 1:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            "The delegations are of different certificates.",
            cause="delegations of different certificates",
        )
    return DelegationProof(signers.pop(), given)
