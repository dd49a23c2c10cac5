"""Orders: newOrder, reading, finalize, the certificate (RFC 8555 §7.4)."""

import datetime as dt

import msgspec

from newel.acme import messages
from newel.acme.identifiers import Identifier
from newel.acme.problems import Problem
from newel.crypto import loading, pem
from newel.crypto.keys import PublicKey
from newel.jose import jwk
from newel.registration.acme import changes, identifiers, ids, requests, responses, validity
from newel.registration.acme.calls import Call, not_found
from newel.registration.acme.records import PENDING, PROCESSING, READY, VALID, Claim, Order
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Response, retry_after

_PROBLEM = msgspec.json.Decoder(Problem)
_POLL = 2  # seconds a client is asked to wait for an order that is being processed


async def new_order(server: Server, call: Call) -> Response:
    """An order with its authorizations, all in the one transaction that uses the nonce."""
    account = ids.text(call.account.id)
    server.new_orders.check(account, call.now, account=account)
    asked = call.decode(messages.NewOrder)
    wanted = identifiers.canonical(asked.identifiers, server.limits.identifiers)
    _require_provable(call, wanted)
    not_before, not_after = validity.parse_validity(
        asked.not_before,
        asked.not_after,
        now=dt.datetime.fromtimestamp(call.now, dt.UTC),
        provisioner=call.provisioner,
        limits=server.limits,
    )
    order = Order(
        ids.new_id(call.now),
        call.account.id,
        wanted,
        PENDING,
        not_before,
        not_after,
        dt.datetime.fromtimestamp(call.seconds, dt.UTC) + server.limits.order_lifetime,
        validity.encode_requested(asked.not_before, asked.not_after),
        claim=None,
        error=None,
        issuer=None,
    )
    await call.commit(*changes.add_order(order))
    server.decisions.write(
        Decision(
            "acme.new-order",
            dict(
                order=ids.text(order.id),
                identifiers=[name.value for name in wanted],
                **call.facts(),
            ),
        )
    )
    return _answer(call, order, status=201)


async def order(server: Server, call: Call, identity: str) -> Response:
    """POST-as-GET of an order. One left processing by a crash is carried through here."""
    call.require_get()
    await call.commit()
    found = await _find(call, identity)
    if found.status == PROCESSING and await server.finalizer.resume(found.id):
        found = await _find(call, identity)
    return _answer(call, found)


async def finalize(server: Server, call: Call, identity: str) -> Response:
    """Issues the certificate of a ready order, once (§7.4).

    1. verify the CSR; 2. the order must be ready; 3. the CSR must ask for it and nothing else;
    4. ready → processing with this CSR, unless its key is an account's: decided by the database;
    5. issue. A refusal at 1 to 4 leaves the order ready. Whoever asks again with the same key, because
    the answer was lost, is shown the order.
    """
    encoded = call.decode(messages.Finalize).csr
    request = requests.verified(messages.decode_der(encoded, "csr"))
    found = await _find(call, identity)
    key = jwk.thumbprint(request.public_key)
    if await _was_finalized_with(call, found, key):
        await call.commit()
        return _answer(call, found)
    _require_ready(found.status == READY, found.status)
    requests.check(request, found.identifiers)
    claim = call.admission.nonce
    await call.commit(changes.begin_finalize(found, request.der, key, claim, call.seconds))
    now_is = await _find(call, identity)
    if now_is.status == READY:
        raise requests.bad("the key of the CSR is an account key")
    _require_ready(now_is.claim == claim, now_is.status)
    claimed = Claim(
        found.id,
        call.account.id,
        call.provisioner.name,
        found.identifiers,
        found.not_before,
        found.not_after,
        request.der,
        claim,
    )
    status = await server.finalizer.carry_through(claimed, request, reopen=True)
    return _answer(call, msgspec.structs.replace(now_is, status=status))


async def certificate(server: Server, call: Call, identity: str) -> Response:
    """The chain of a valid order as PEM, the leaf first, the root left out (§7.4.2)."""
    call.require_get()
    await call.commit()
    number = ids.parse(identity)
    row = number and await call.storage.certificate(number, call.account.id)
    if not row:
        raise not_found()
    der, issuer = row
    chain = pem.encode(der) + await server.chains.chain(issuer)
    return Response(200, chain, b"application/pem-certificate-chain")


async def _find(call: Call, identity: str) -> Order:
    number = ids.parse(identity)
    found = number and await call.storage.order(number, call.account.id, call.seconds)
    if not found:
        raise not_found()
    return found


async def _was_finalized_with(call: Call, found: Order, key: bytes) -> bool:
    if found.status not in {PROCESSING, VALID}:
        return False
    row = await call.storage.finalized(found.id, call.account.id)
    if row is None:
        return False
    csr, certificate = row
    if csr is not None:
        return jwk.thumbprint(requests.verified(csr).public_key) == key
    holder = loading.read_public_key(loading.load_certificate(certificate or b""))
    return isinstance(holder, PublicKey) and jwk.thumbprint(holder) == key


def _require_ready(condition: bool, status: str) -> None:
    if not condition:
        raise NewelError(ErrorType.ORDER_NOT_READY, f"the order is {status}, not ready")


def _require_provable(call: Call, wanted: tuple[Identifier, ...]) -> None:
    for name in wanted:
        if not requests.challenges_for(call.provisioner, name):
            raise NewelError(
                ErrorType.REJECTED_IDENTIFIER,
                f"no challenge this provisioner offers can prove {name.value}",
            )


def _answer(call: Call, found: Order, status: int = 200) -> Response:
    urls = call.urls
    shown = messages.Order(
        found.status,
        list(found.identifiers),
        [urls.authorization(found.id, position) for position in range(len(found.identifiers))],
        urls.finalize(found.id),
        validity.text(found.expires_at),
        *validity.requested_times(found),
        None if found.error is None else _PROBLEM.decode(found.error),
        urls.certificate(found.id) if found.status == VALID else None,
    )
    headers = [responses.location(urls.order(found.id))]
    if found.status == PROCESSING:
        headers.append(retry_after(_POLL))
    return responses.json(shown, *headers, status=status)
