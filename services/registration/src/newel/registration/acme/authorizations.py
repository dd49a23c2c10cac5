"""Authorizations and challenges (RFC 8555 §7.5)."""

import msgspec

from newel.acme import messages
from newel.acme.identifiers import Identifier
from newel.acme.problems import Problem
from newel.registration.acme import changes, ids, requests, responses, tokens, validity
from newel.registration.acme.calls import Call, not_found
from newel.registration.acme.records import (
    DEACTIVATED,
    INVALID,
    PENDING,
    PROCESSING,
    VALID,
    Attempt,
    Authorization,
)
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Response, retry_after

_PROBLEM = msgspec.json.Decoder(Problem)
# Seconds a client is asked to wait for a validation. Clients count from Date, which is up to one old.
_POLL = 2


async def authorization(server: Server, call: Call, identity: str) -> Response:
    """POST-as-GET of an authorization, or its deactivation by the owner (§7.5.2)."""
    order, position = _parse(identity)
    if call.payload:
        if call.decode(messages.AuthorizationUpdate).status != DEACTIVATED:
            raise NewelError(ErrorType.MALFORMED, "the one status a client can set is deactivated")
        await call.commit(changes.deactivate_authorization(order, position, call.account.id))
        server.decisions.write(
            Decision("acme.deactivate-authorization", dict(authorization=identity, **call.facts()))
        )
    else:
        await call.commit()
    found = await _find(call, order, position)
    headers = [retry_after(_POLL)] if _is_processing(found) else []
    return responses.json(_shown(call, found), *headers)


async def challenge(server: Server, call: Call, identity: str, kind: str) -> Response:
    """A challenge: read with an empty payload, answered with ``{}`` (§7.5.1).

    Of an authorization's challenges one is attempted, by whoever asks first; the update that stores
    the claim succeeds once, and only its caller submits the validation.
    """
    order, position = _parse(identity)
    if call.payload:
        _require_object(call)
        claim = call.admission.nonce
        if kind not in call.provisioner.challenges:
            raise not_found()
        account, now = call.account.id, call.seconds
        await call.commit(changes.begin_attempt(order, position, account, kind, claim, now))
        found = await _find(call, order, position)
        _require_offered(call, found, kind)
        if found.claim == claim:
            server.validations.submit(_attempt(call, found, claim))
    else:
        await call.commit()
        found = await _find(call, order, position)
        _require_offered(call, found, kind)
    headers = [
        responses.link(call.urls.authorization(order, position), "up"),
        responses.location(call.urls.challenge(order, position, kind)),
    ]
    shown = _challenge(call, found, kind)
    if shown.status == PROCESSING:
        headers.append(retry_after(_POLL))
    return responses.json(shown, *headers)


def _parse(identity: str) -> tuple[bytes, int]:
    found = ids.parse_authorization(identity)
    if found is None:
        raise not_found()
    return found


async def _find(call: Call, order: bytes, position: int) -> Authorization:
    found = await call.storage.authorization(order, position, call.account.id, call.seconds)
    if found is None:
        raise not_found()
    return found


def _require_object(call: Call) -> None:
    """What is in the object does not matter: old clients still send keyAuthorization."""
    call.decode(dict[str, msgspec.Raw])


def _offered(call: Call, found: Authorization) -> tuple[str, ...]:
    name = found.identifier
    if found.wildcard:
        name = Identifier(name.type, f"*.{name.value}")
    return requests.challenges_for(call.provisioner, name)


def _require_offered(call: Call, found: Authorization, kind: str) -> None:
    if kind not in _offered(call, found):
        raise not_found()


def _attempt(call: Call, found: Authorization, claim: bytes) -> Attempt:
    kind = found.challenge or ""
    return Attempt(
        found.order_id,
        found.position,
        found.identifier,
        kind,
        tokens.token(found.seed, kind),
        call.account.thumbprint,
        claim,
        call.provisioner.name,
    )


def _is_processing(found: Authorization) -> bool:
    return found.status == PENDING and found.challenge is not None


def _shown(call: Call, found: Authorization) -> messages.Authorization:
    kinds = _offered(call, found)
    if found.status != PENDING and found.challenge is not None:
        kinds = (found.challenge,)  # what was attempted is what decided it (§7.1.4)
    return messages.Authorization(
        found.status,
        found.identifier,
        [_challenge(call, found, kind) for kind in kinds],
        validity.text(found.expires_at),
        found.wildcard,
    )


def _challenge(call: Call, found: Authorization, kind: str) -> messages.Challenge:
    shown = messages.Challenge(
        kind,
        call.urls.challenge(found.order_id, found.position, kind),
        PENDING,
        tokens.token(found.seed, kind),
    )
    if found.challenge == kind:
        shown.status = PROCESSING
        if found.validated_at is not None:
            shown.status, shown.validated = VALID, validity.text(found.validated_at)
        elif found.status != PENDING:
            shown.status = INVALID
        if found.error is not None:
            shown.error = _PROBLEM.decode(found.error)
    elif found.status != PENDING:
        shown.status = INVALID
    return shown
