"""The SQL of each change."""

import datetime as dt

import msgspec

from newel.jose import jwk
from newel.registration.acme import changes, rates
from newel.registration.acme import statements as sql
from newel.registration.acme.changes import Change
from newel.runtime.database.contract import Write


def writes(change: Change) -> list[Write]:
    """Return the writes that make a change, in one transaction."""
    match change:
        case changes.NewAccount():
            found = _new_account(change)
        case changes.SetContact():
            found = [Write(sql.SET_CONTACT, (change.account, to_json(change.contact)))]
        case changes.DeactivateAccount():
            found = [
                Write(sql.DEACTIVATE_ACCOUNT, (change.account,)),
                Write(sql.CANCEL_ORDERS, (change.account, change.oldest_order)),
            ]
        case changes.ChangeKey():
            account, key = change.account, to_json(jwk.required_members(change.key))
            row = (account.id, change.thumbprint, key, account.thumbprint, account.provisioner)
            found = [Write(sql.CHANGE_KEY, row)]
        case changes.NewAuthorization():
            lock = Write(sql.LOCK_ACCOUNT, (change.account,))
            found = [lock, _new_authorization(change)]
        case changes.NewOrder():
            found = _new_order(change)
        case changes.BeginFinalize():
            found = _begin_finalize(change)
        case changes.BeginAttempt():
            row = (change.order_id, change.position, change.account, change.challenge)
            row = (*row, change.claim, to_seconds(change.now), change.payload or None)
            found = [Write(sql.BEGIN_ATTEMPT, row)]
        case changes.DeactivateAuthorization():
            row = (change.order_id, change.position, change.account)
            found = [Write(sql.DEACTIVATE_AUTHORIZATION, row)]
    return found


def to_seconds(time: dt.datetime | None) -> int | None:
    """Convert a time for storage."""
    return None if time is None else int(time.timestamp())


def to_json(value: object) -> str:
    """Encode a value for a JSON column."""
    return msgspec.json.encode(value).decode()


def _new_account(new: changes.NewAccount) -> list[Write]:
    created_at = to_seconds(new.created_at)
    row = (
        new.id,
        new.provisioner,
        new.thumbprint,
        to_json(jwk.required_members(new.key)),
        to_json(new.contact),
        new.terms_agreed,
        created_at,
    )
    if not new.external_key:
        return [Write(sql.ADD_ACCOUNT, row)]
    key = new.external_key
    return [
        Write(sql.LOCK_EXTERNAL_KEY, (key,)),
        Write(sql.ADD_BOUND_ACCOUNT, (*row, key)),
        Write(sql.NOTE_BOUND_ACCOUNT, (key, new.id, created_at)),
    ]


def _new_order(change: changes.NewOrder) -> list[Write]:
    order = change.order
    times = map(to_seconds, (order.not_before, order.not_after, order.expires_at))
    kind = (order.requested, order.replaces or None, order.profile or None)
    named = to_json(order.authorizations) if order.authorizations else None
    row = (order.id, order.account, to_json(order.identifiers), *times, *kind, named)
    now = rates.to_nanoseconds(change.now)
    if change.rates:
        add_order = Write(sql.ADD_ORDER_WITHIN_RATES, (*row, *rates.room(change.rates, now)))
        add_link, add_authorization = sql.ADD_LINK_OF_ORDER, sql.ADD_AUTHORIZATION_OF_ORDER
    else:
        add_order = Write(sql.ADD_ORDER, row)
        add_link, add_authorization = sql.ADD_LINK, sql.ADD_AUTHORIZATION
    found = [*rates.lock(change.rates, now), add_order]
    for each in change.ancestors:
        own = _new_authorization(each)
        if change.rates:
            own = Write(sql.ADD_STANDALONE_OF_ORDER, (*own.params, order.id))
        found.append(own)
    expires_at = to_seconds(order.expires_at)
    for position, name in enumerate(order.identifiers):
        base, wildcard = name.base, int(name.is_wildcard)
        identifier = (order.id, position, order.account, base.type, base.value, wildcard)
        if name in change.links:
            found.append(Write(add_link, (*identifier, change.links[name], expires_at, b"")))
            continue
        seed = change.seeds[position]
        state = ("pending", None)
        if name in change.approved:
            state = ("valid", to_seconds(change.now))
        found.append(Write(add_authorization, (*identifier, expires_at, seed, *state)))
    return [*found, *rates.take_for_order(change.rates, now, order.id)]


def _begin_finalize(change: changes.BeginFinalize) -> list[Write]:
    order, claim, rate = change.order_id, change.claim, change.rate
    row = (order, change.account, change.csr, claim, to_seconds(change.now), change.key)
    if rate is None:
        return [Write(sql.BEGIN_FINALIZE, row)]
    now = rates.to_nanoseconds(change.now)
    begin = Write(sql.BEGIN_FINALIZE_WITHIN_RATE, (*row, *rates.room([rate], now, 1)))
    return [*rates.lock([rate], now), begin, rates.take_for_claim(rate, now, order, claim)]


def _new_authorization(new: changes.NewAuthorization) -> Write:
    # by DNS alone, as for wildcards: no other challenge proves a whole domain
    of_domain = int(new.subdomains)
    status, validated_at = ("valid", new.now) if new.is_approved else ("pending", None)
    row = (
        *(new.id, new.account, new.identifier.type, new.identifier.value, of_domain),
        *(of_domain or None, 1 if new.most else None, status, to_seconds(new.expires_at), new.seed),
        *(to_seconds(validated_at), to_seconds(new.now), new.most),
    )
    return Write(sql.ADD_STANDALONE, row)
