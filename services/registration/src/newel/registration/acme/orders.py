"""Orders: placing, reading, finalizing, the certificate (RFC 8555 §7.4)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from newel.acme import messages
from newel.acme.identifiers import Identifier
from newel.crypto import loading, pem
from newel.crypto.keys import PublicKey
from newel.jose import jwk
from newel.registration.acme import (
    identifiers,
    ids,
    preauthorizations,
    requests,
    responses,
    successions,
    validity,
)
from newel.registration.acme.calls import Call, not_found_error
from newel.registration.acme.changes import BeginFinalize, NewOrder
from newel.registration.acme.issuance import require_unblocked
from newel.registration.acme.policies import select_approved
from newel.registration.acme.preauthorizations import Links
from newel.registration.acme.records import Claim, Order, OrderStatus
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError


async def place(server: Server, call: Call, request: messages.NewOrder) -> tuple[Order, Decision]:
    """Place an order with its authorizations, in the transaction that uses the nonce. Raises NewelError."""
    account = ids.text(call.account.id)
    server.new_orders.check(account, call.now.timestamp(), account=account)
    wanted = identifiers.canonical(request.identifiers, server.limits.identifiers)
    policies, approval = await server.name_checks.find_rules(call.account.id)
    approved = select_approved(approval, wanted)
    links = await preauthorizations.find_links(server, call, request.identifiers, wanted, approved)
    alone = [each for each in wanted if each not in approved and each not in links.sources]
    requests.require_provable(call.provisioner, alone)
    await server.name_checks.check_identifiers(call.provisioner, policies, wanted, call.now)
    unproved = [*alone, *(each.identifier for each in links.ancestors.values())]
    profile = request.profile or call.provisioner.default_profile
    provisioner = call.provisioner.select(profile)
    not_before, not_after = validity.parse_validity(
        request.not_before,
        request.not_after,
        now=call.now,
        provisioner=provisioner,
        limits=server.limits,
    )
    replaces = await successions.check_replaces(server.issuance, call, request.replaces, wanted)
    number = ids.new_id(call.now)
    ends = [call.now.replace(microsecond=0) + server.limits.order_lifetime]
    ends += [each.expires_at for each in links.valid.values()]
    order = Order(
        number,
        call.account.id,
        wanted,
        OrderStatus.READY
        if approved.union(links.valid).issuperset(wanted)
        else OrderStatus.PENDING,
        not_before,
        not_after,
        min(ends),
        validity.encode_requested(request.not_before, request.not_after),
        replaces=replaces,
        profile=profile,
        authorizations=_name_authorizations(number, wanted, links),
    )
    seeds = tuple(ids.new_seed() for _ in wanted)
    ancestors = tuple(dict.fromkeys(links.ancestors.values()))
    new = NewOrder(order, seeds, call.now, approved, links.sources, ancestors)
    await server.order_rates.place(call, new, unproved)
    facts = _facts(order)
    if approved:
        facts["approved"] = [each.value for each in wanted if each in approved]
    if links.ancestors:
        facts["ancestors"] = [each.identifier.value for each in ancestors]
    if links.valid:
        facts["preauthorized"] = [each.value for each in wanted if each in links.valid]
    return order, Decision("acme.new-order", facts | call.facts())


async def read(server: Server, call: Call, identity: str) -> Order:
    """Read an order of the account. One that a crash left processing is carried through here."""
    await call.commit()
    found = await _find(call, identity)
    if found.status is OrderStatus.PROCESSING and await server.finalizer.resume(found.id):
        found = await _find(call, identity)
    if found.status is OrderStatus.INVALID and found.error is None:
        failures = await call.storage.failures(found.id)
        if failures:
            error = responses.summarize_failures(failures)
            return msgspec.structs.replace(found, error=error)
    return found


async def finalize(server: Server, call: Call, identity: str, csr: bytes) -> Order:
    """Issue the certificate of a ready order, once (§7.4). Raises NewelError.

    1. verify the CSR; 2. ready → processing with this CSR, unless its key is an account's: decided by the
    database; 3. the CSR must ask for the order's names and nothing else; 4. issue. A refusal at 1 to 3
    leaves the order ready. A repeated request with the same key, because the response was lost, gets the
    order. An account's key that was declared compromised since it was opened finalizes none.
    """
    request = requests.verify(csr)
    await require_unblocked(server.issuance, call.key)
    key = requests.key_thumbprint(request)
    claim, account = call.admission.nonce, call.account.id
    number = ids.parse(identity)
    if number is None:
        raise not_found_error()
    begin = BeginFinalize(number, account, request.der, key, claim, call.now)
    await server.order_rates.begin_finalize(call, begin)
    found = await _find(call, identity)
    if found.status is not OrderStatus.PROCESSING or found.claim != claim:
        if await _is_finalized_with(call, found, key):
            return found
        if found.status is not OrderStatus.READY:
            raise NewelError(ErrorType.ORDER_NOT_READY, f"the order is {found.status}, not ready")
        requests.check(request, found.identifiers)
        raise requests.bad_csr("the key of the CSR is an account key")
    begun = Claim(
        found.id,
        account,
        call.provisioner.name,
        found.identifiers,
        found.not_before,
        found.not_after,
        request.der,
        claim,
        replaces=found.replaces,
        profile=found.profile,
    )
    try:
        requests.check(request, found.identifiers)
    except NewelError:
        await call.storage.reopen_order(found.id, claim, server.order_rates.names_use(begun))
        raise
    result = await server.finalizer.complete(begun, request, reopen=True)
    return msgspec.structs.replace(found, status=result.status)


async def read_chain(
    server: Server, call: Call, identity: str, name: str
) -> tuple[bytes, Sequence[str]]:
    """Return a chain of a valid order as PEM, the leaf first, without the root; and the others' names (§7.4.2)."""
    await call.commit()
    number = ids.parse(identity)
    found = number and await call.storage.certificate(number, call.account.id)
    if not found:
        raise not_found_error()
    der, issuer = found
    chains = await server.chains.list(issuer, call.now)
    chosen = next((each for each in chains if each.name == name), None)
    if chosen is None:
        raise not_found_error()
    return pem.encode(der) + chosen.pem, [each.name for each in chains if each is not chosen]


async def _find(call: Call, identity: str) -> Order:
    number = ids.parse(identity)
    found = number and await call.storage.order(number, call.account.id, call.now)
    if not found:
        raise not_found_error()
    return found


async def _is_finalized_with(call: Call, found: Order, key: bytes) -> bool:
    if found.status not in {OrderStatus.PROCESSING, OrderStatus.VALID}:
        return False
    stored = await call.storage.finalization(found.id, call.account.id)
    if stored is None:
        return False
    csr, certificate = stored
    if csr is not None:
        return requests.key_thumbprint(requests.verify(csr)) == key
    holder = loading.read_public_key(loading.load_certificate(certificate))
    return isinstance(holder, PublicKey) and jwk.thumbprint(holder) == key


def _facts(order: Order) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "order": ids.text(order.id),
        "identifiers": [name.value for name in order.identifiers],
    }
    chosen = {"replaces": order.replaces, "profile": order.profile}
    return facts | {name: value for name, value in chosen.items() if value}


def _name_authorizations(
    order: bytes, wanted: Sequence[Identifier], links: Links
) -> tuple[str, ...]:
    """Name the authorizations of an order, each once; none where all of them are its own."""
    sources = links.sources
    if not sources:
        return ()
    names = [
        ids.name_authorization(sources[each], 0)
        if each in sources
        else ids.name_authorization(order, position)
        for position, each in enumerate(wanted)
    ]
    return tuple(dict.fromkeys(names))
