"""The resources of RFC 8555 §7.1: payloads in, domain calls, objects out.

Each endpoint returns its response and the decision to write to the audit trail, if there is one.
"""

from typing import NamedTuple

import msgspec

from newel.acme import messages
from newel.acme.challenges import DEVICE_ATTEST_01
from newel.registration.acme import (
    accounts,
    authorizations,
    key_changes,
    objects,
    orders,
    preauthorizations,
    responses,
    revocation,
)
from newel.registration.acme import ids as acme_ids
from newel.registration.acme.calls import Call, not_found_error
from newel.registration.acme.chains import OWN
from newel.registration.acme.records import (
    Account,
    AuthorizationStatus,
    ChallengeStatus,
    Order,
    OrderStatus,
)
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Response, retry_after

_PAGE = 100
# Seconds a client is asked to wait for a validation or for an order. Clients count from Date, which is up
# to one second old.
_POLL = 2


class Result(NamedTuple):
    """A response and its decision."""

    response: Response
    decision: Decision | None = None


async def new_account(server: Server, call: Call) -> Result:
    """Return the account of the key that signed (200), or create one (201)."""
    request = call.decode(messages.NewAccount)
    try:
        account, decision = await accounts.find_or_create(server, call, request)
    except accounts.TermsRequiredError as error:
        terms = responses.link(call.provisioner.terms_of_service, "terms-of-service")
        decision = Decision("acme.new-account", call.facts(), error)
        return Result(responses.error_response(error, terms), decision)
    return Result(_account(call, account, 200 if decision is None else 201), decision)


async def account(server: Server, call: Call, identity: str) -> Result:
    """Read, update or deactivate the account that signed."""
    _require_own(call, identity)
    decision = None
    if not call.payload:
        await call.commit()
    else:
        request = call.decode(messages.AccountUpdate)
        decision = await accounts.update(server, call, request)
    found = await call.storage.account(call.account.id, call.provisioner.name)
    return Result(_account(call, found or call.account), decision)


async def account_orders(_server: Server, call: Call, identity: str, after: str) -> Result:
    """List a page of the account's orders, with a link to the next one (§7.1.2.1)."""
    call.require_get()
    _require_own(call, identity)
    await call.commit()
    start = acme_ids.parse(after) or b""
    page = await call.storage.orders(call.account.id, start, _PAGE)
    listed = messages.Orders([call.urls.order(order) for order in page])
    if len(page) < _PAGE:
        return Result(responses.json(listed))
    next_page = f"{call.urls.orders(call.account.id)}?after={acme_ids.text(page[-1])}"
    return Result(responses.json(listed, responses.link(next_page, "next")))


async def new_order(server: Server, call: Call) -> Result:
    """Place an order (§7.4)."""
    order, decision = await orders.place(server, call, call.decode(messages.NewOrder))
    return Result(_order(call, order, 201), decision)


async def order(server: Server, call: Call, identity: str) -> Result:
    """Read an order."""
    call.require_get()
    return Result(_order(call, await orders.read(server, call, identity)))


async def finalize(server: Server, call: Call, identity: str) -> Result:
    """Issue the certificate of an order (§7.4); the finalizer writes the decision."""
    csr = messages.decode_der(call.decode(messages.Finalize).csr, "csr")
    return Result(_order(call, await orders.finalize(server, call, identity, csr)))


async def certificate(server: Server, call: Call, identity: str, name: str | None = None) -> Result:
    """Download a chain of an order, with links to the others (§7.4.2)."""
    call.require_get()
    if name == OWN:
        raise not_found_error()
    chain, others = await orders.read_chain(server, call, identity, name or OWN)
    links = tuple(responses.link(call.urls.chain(identity, each), "alternate") for each in others)
    return Result(Response(200, chain, b"application/pem-certificate-chain", links))


async def new_authz(server: Server, call: Call) -> Result:
    """Make an authorization in advance (§7.4.1)."""
    request = call.decode(messages.NewAuthorization)
    found, decision = await preauthorizations.create(server, call, request)
    offered = authorizations.offered_challenges(call, found)
    shown = objects.authorization(call.urls, found, offered, call.provisioner.caa_identities)
    location = responses.location(call.urls.authorization(found.order_id, found.position))
    return Result(responses.json(shown, location, status=201), decision)


async def authorization(_server: Server, call: Call, name: str) -> Result:
    """Read an authorization, or deactivate it (§7.5.2)."""
    decision = None
    if call.payload:
        status = call.decode(messages.AuthorizationUpdate).status
        if status != AuthorizationStatus.DEACTIVATED:
            raise NewelError(ErrorType.MALFORMED, "the one status a client can set is deactivated")
        found, decision = await authorizations.deactivate(call, name)
    else:
        await call.commit()
        found = await authorizations.find(call, name)
    headers = [retry_after(_POLL)] if found.is_processing else []
    offered = authorizations.offered_challenges(call, found)
    shown = objects.authorization(call.urls, found, offered, call.provisioner.caa_identities)
    return Result(responses.json(shown, *headers), decision)


async def challenge(server: Server, call: Call, name: str, kind: str) -> Result:
    """Read a challenge, or begin its validation: ``{}``, whose members are ignored (§7.5.1).

    The answer to device-attest-01 has an attestation object, which is verified later.
    """
    if call.payload:
        proof = b""
        if kind == DEVICE_ATTEST_01:
            call.decode(messages.DeviceAttestation)
            proof = call.payload
        else:
            call.decode(dict[str, msgspec.Raw])
        found = await authorizations.attempt_challenge(server, call, name, kind, proof)
    else:
        found = await authorizations.read_challenge(call, name, kind)
    headers = [
        responses.link(call.urls.authorization(found.order_id, found.position), "up"),
        responses.location(call.urls.challenge(found.order_id, found.position, kind)),
    ]
    shown = objects.challenge(call.urls, found, kind, call.provisioner.caa_identities)
    if shown.status == ChallengeStatus.PROCESSING:
        headers.append(retry_after(_POLL))
    return Result(responses.json(shown, *headers))


async def revoke_cert(server: Server, call: Call) -> Result:
    """Revoke a certificate (§7.6)."""
    request = call.decode(messages.Revocation)
    der = messages.decode_der(request.certificate, "certificate")
    return Result(Response(200), await revocation.revoke(server, call, der, request.reason or 0))


async def key_change(server: Server, call: Call) -> Result:
    """Change the account's key (§7.3.5); 409 with the URL of the account that has the new one."""
    try:
        account, decision = await key_changes.change_key(server, call)
    except key_changes.KeyTakenError as error:
        holder = responses.location(call.urls.account(error.holder))
        decision = Decision("acme.key-change", call.facts(), error)
        return Result(responses.error_response(error, holder), decision)
    shown = {"status": account.status, "orders": call.urls.orders(account.id)}
    location = responses.location(call.urls.account(account.id))
    return Result(responses.json(shown, location), decision)


def _require_own(call: Call, identity: str) -> None:
    if acme_ids.parse(identity) != call.account.id:
        raise not_found_error()


def _account(call: Call, found: Account, status: int = 200) -> Response:
    location = responses.location(call.urls.account(found.id))
    return responses.json(objects.account(call.urls, found), location, status=status)


def _order(call: Call, found: Order, status: int = 200) -> Response:
    headers = [responses.location(call.urls.order(found.id))]
    if found.status is OrderStatus.PROCESSING:
        headers.append(retry_after(_POLL))
    return responses.json(objects.order(call.urls, found), *headers, status=status)
