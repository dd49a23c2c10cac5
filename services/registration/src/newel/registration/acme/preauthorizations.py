"""Authorizations that are not of one order: made in advance (RFC 8555 §7.4.1), or for whole domains (RFC 9444)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from newel.acme import messages
from newel.acme.identifiers import Identifier, list_domains
from newel.registration.acme import identifiers, ids, requests
from newel.registration.acme.calls import Call, not_found_error
from newel.registration.acme.changes import NewAuthorization
from newel.registration.acme.config import Limits
from newel.registration.acme.policies import select_approved
from newel.registration.acme.records import Authorization, Preauthorization
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError

_LEAST_REST = 24  # an authorization is used until this part of an order's life is left of its own


class Links(NamedTuple):
    """What an order takes from authorizations that are not of it alone."""

    valid: Mapping[Identifier, Preauthorization]
    """Those that were made in advance, by the identifiers that they prove."""
    ancestors: Mapping[Identifier, NewAuthorization]
    """New ones for domains above an identifier."""

    @property
    def sources(self) -> dict[Identifier, bytes]:
        """The ids of the authorizations by identifier."""
        return {name: each.id for name, each in (*self.valid.items(), *self.ancestors.items())}


async def create(
    server: Server, call: Call, request: messages.NewAuthorization
) -> tuple[Authorization, Decision]:
    """Make an authorization before there is an order. Raises NewelError.

    ``notFound`` where the provisioner has no pre-authorization, ``rejectedIdentifier`` for what cannot be
    proved in advance, ``rateLimited`` for an account that has too many.
    """
    if not call.provisioner.preauthorization:
        raise not_found_error()
    server.new_orders.check(
        ids.text(call.account.id), call.now.timestamp(), account=ids.text(call.account.id)
    )
    (name,) = identifiers.canonical([request.identifier], 1)
    _require_lasting(name)
    requests.require_provable(call.provisioner, [name])
    wanted = request.identifier.subdomain_auth_allowed and name.type == "dns"
    subdomains = bool(wanted and call.provisioner.subdomains)
    policies, approval = await server.name_checks.find_rules(call.account.id)
    if not subdomains:  # of a whole domain, policies decide by the names of each order
        await server.name_checks.check_identifiers(call.provisioner, policies, [name], call.now)
    is_approved = bool(select_approved(approval, [name])) and not subdomains
    most = server.limits.preauthorizations
    new = _new(call, server.limits, name, subdomains=subdomains, most=most)
    if is_approved:
        new = msgspec.structs.replace(new, is_approved=True)
    await server.order_rates.commit(call, new, [] if is_approved else [name])
    found = await call.storage.authorization(new.id, 0, call.account.id, call.now)
    if found is None:
        raise NewelError(
            ErrorType.RATE_LIMITED,
            f"this account has {most} authorizations already: deactivate some, or wait until they expire",
        )
    facts: dict[str, Any] = {
        "authorization": ids.name_authorization(new.id, 0),
        "identifier": name.value,
    }
    if subdomains:
        facts["subdomains"] = True
    return found, Decision("acme.new-authorization", facts | call.facts())


async def find_links(
    server: Server,
    call: Call,
    requested: Sequence[messages.RequestedIdentifier],
    wanted: Sequence[Identifier],
    approved: Collection[Identifier],
) -> Links:
    """Find what authorizations an order of ``wanted`` need not have of its own. Raises ``malformed``.

    Those that are ``approved`` need no domain above them: nothing is to be proved.
    """
    valid: dict[Identifier, Preauthorization] = {}
    if call.provisioner.preauthorization:
        until = call.now + server.limits.order_lifetime / _LEAST_REST
        most = server.limits.preauthorizations
        held = await call.storage.preauthorizations(call.account.id, until, most)
        usable = [each for each in held if each.challenge in call.provisioner.challenges]
        valid = match(usable, wanted, subdomains=call.provisioner.subdomains)
    ancestors: dict[Identifier, NewAuthorization] = {}
    made: dict[Identifier, NewAuthorization] = {}
    for each in requested:
        name = identifiers.canonical([each], 1)[0] if each.ancestor_domain else None
        if name is None or name in valid:
            continue
        domain = _read_ancestor(name, each.ancestor_domain or "")
        if (
            name not in approved and call.provisioner.subdomains
        ):  # else it is proved as if none had been named (§4.3)
            if domain not in made:
                made[domain] = _new(call, server.limits, domain, subdomains=True)
            ancestors[name] = made[domain]
    return Links(valid, ancestors)


def match(
    held: Iterable[Preauthorization], wanted: Iterable[Identifier], *, subdomains: bool
) -> dict[Identifier, Preauthorization]:
    """Return which of those that are held proves which identifier; the first that does."""
    exact: dict[Identifier, Preauthorization] = {}
    domains: dict[str, Preauthorization] = {}
    for each in held:
        if not each.subdomains:
            exact.setdefault(each.identifier, each)
        elif subdomains:
            domains.setdefault(each.identifier.value, each)
    found: dict[Identifier, Preauthorization] = {}
    for name in wanted:
        proof = exact.get(name)
        if proof is None and name.type == "dns":
            above = (domains.get(domain) for domain in list_domains(name.base.value))
            proof = next((each for each in above if each is not None), None)
        if proof is not None:
            found[name] = proof
    return found


def _new(
    call: Call, limits: Limits, name: Identifier, *, subdomains: bool, most: int = 0
) -> NewAuthorization:
    return NewAuthorization(
        ids.new_id(call.now),
        call.account.id,
        name,
        subdomains,
        call.now.replace(microsecond=0) + limits.order_lifetime,
        ids.new_seed(),
        call.now,
        most=most,
    )


def _require_lasting(name: Identifier) -> None:
    """Refuse what only an order can prove."""
    if name.is_wildcard:
        raise NewelError(
            ErrorType.REJECTED_IDENTIFIER,
            "a wildcard is proved in its order, not in advance (RFC 8555 section 7.4.1)",
        )
    if name.is_device:
        raise NewelError(
            ErrorType.REJECTED_IDENTIFIER,
            "a device is proved in its order, because one key is attested for one certificate",
        )


def _read_ancestor(name: Identifier, text: str) -> Identifier:
    """Return the domain above a name that its client can prove (RFC 9444 §4.3). Raises ``malformed``."""
    domain = identifiers.canonical([Identifier("dns", text)], 1)[0]
    if (
        name.type != "dns"
        or domain.is_wildcard
        or domain.value not in list_domains(name.base.value)
    ):
        raise NewelError(
            ErrorType.MALFORMED, f"{text[:256]!r} is no ancestor domain of {name.value}"
        )
    return domain
