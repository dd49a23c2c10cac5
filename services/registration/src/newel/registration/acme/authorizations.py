"""Authorizations and challenges (RFC 8555 §7.5)."""

from newel.acme.challenges import DNS_ACCOUNT_01, DNS_PERSIST_01
from newel.acme.identifiers import Identifier
from newel.registration.acme import ids, requests
from newel.registration.acme.calls import Call, not_found_error
from newel.registration.acme.changes import BeginAttempt, DeactivateAuthorization
from newel.registration.acme.records import Attempt, Authorization
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision


async def find(call: Call, name: str) -> Authorization:
    """Read an authorization of the account by its name. Raises ``notFound``."""
    order, position = _parse(name)
    found = await call.storage.authorization(order, position, call.account.id, call.now)
    if found is None:
        raise not_found_error()
    return found


async def deactivate(call: Call, name: str) -> tuple[Authorization, Decision]:
    """Deactivate an authorization (§7.5.2). Raises NewelError."""
    await call.commit(DeactivateAuthorization(*_parse(name), call.account.id))
    found = await find(call, name)
    facts = {"authorization": name, **call.facts()}
    return found, Decision("acme.deactivate-authorization", facts)


async def read_challenge(call: Call, name: str, challenge: str) -> Authorization:
    """Read the authorization of a challenge that is offered. Raises ``notFound``."""
    await call.commit()
    return _require_offered(call, await find(call, name), challenge)


async def attempt_challenge(
    server: Server, call: Call, name: str, challenge: str, payload: bytes = b""
) -> Authorization:
    """Begin the validation of a challenge (§7.5.1). Raises NewelError.

    One challenge of an authorization is attempted; the update that stores the claim succeeds once, and
    only its request submits the validation. ``payload`` is the answer, where it carries the proof.
    """
    order, position = _parse(name)
    if challenge not in call.provisioner.challenges:
        raise not_found_error()
    claim = call.admission.nonce
    if challenge in {DNS_ACCOUNT_01, DNS_PERSIST_01}:
        payload = call.urls.account(call.account.id).encode()  # as the client knows it
    change = BeginAttempt(order, position, call.account.id, challenge, claim, call.now, payload)
    await call.commit(change)
    found = _require_offered(call, await find(call, name), challenge)
    if found.claim == claim:
        server.validations.submit(
            Attempt(
                found.order_id,
                found.position,
                found.identifier,
                challenge,
                ids.derive_token(found.seed, challenge),
                call.account.thumbprint,
                claim,
                call.provisioner.name,
                payload=payload,
                wildcard=found.wildcard,
            )
        )
    return found


def offered_challenges(call: Call, found: Authorization) -> tuple[str, ...]:
    """List the challenge types that are offered for an authorization."""
    name = found.identifier
    if found.wildcard:
        name = Identifier(name.type, f"*.{name.value}")
    return requests.challenges_for(call.provisioner, name)


def _parse(name: str) -> tuple[bytes, int]:
    found = ids.parse_authorization(name)
    if found is None:
        raise not_found_error()
    return found


def _require_offered(call: Call, found: Authorization, challenge: str) -> Authorization:
    if challenge not in offered_challenges(call, found):
        raise not_found_error()
    return found
