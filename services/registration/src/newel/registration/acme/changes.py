"""What requests change, as writes to be put into their one unit."""

import datetime as dt

import msgspec

from newel.crypto.keys import PublicKey
from newel.jose import jwk
from newel.registration.acme import statements as sql
from newel.registration.acme import tokens
from newel.registration.acme.records import Account, Order
from newel.runtime.database.contract import Write


class NewAccount(msgspec.Struct, frozen=True):
    """An account to be made."""

    id: bytes
    provisioner: str
    key: PublicKey
    thumbprint: bytes
    contact: list[str]
    terms_agreed: str
    created_at: int


def add_account(new: NewAccount) -> list[Write]:
    """The account, unless its key has one by then."""
    return [Write(sql.ADD_ACCOUNT, _row(new))]


def add_bound_account(new: NewAccount, key_id: str) -> list[Write]:
    """The account and the binding of an external account key, or neither."""
    bind = (key_id, new.provisioner, new.id, new.created_at, new.thumbprint)
    return [Write(sql.BIND_EXTERNAL_KEY, bind), Write(sql.ADD_BOUND_ACCOUNT, (*_row(new), key_id))]


def set_contact(account: bytes, contact: list[str]) -> list[Write]:
    """Other contacts."""
    return [Write(sql.SET_CONTACT, (account, _json(contact)))]


def deactivate_account(account: bytes, oldest_order: bytes) -> list[Write]:
    """The account's end; its pending orders end with it (RFC 8555 §7.3.6)."""
    return [
        Write(sql.DEACTIVATE_ACCOUNT, (account,)),
        Write(sql.CANCEL_ORDERS, (account, oldest_order)),
    ]


def change_key(account: Account, key: PublicKey, thumbprint: bytes) -> Write:
    """Another key, if the account still has the one it had and no account has the new one."""
    row = (account.id, thumbprint, _key(key), account.thumbprint, account.provisioner)
    return Write(sql.CHANGE_KEY, row)


def add_order(order: Order) -> list[Write]:
    """The order and an authorization for each identifier, with fresh tokens."""
    times = map(_seconds, (order.not_before, order.not_after, order.expires_at))
    names = _json(order.identifiers)
    writes = [Write(sql.ADD_ORDER, (order.id, order.account, names, *times, order.requested))]
    for position, name in enumerate(order.identifiers):
        base, wildcard = name.base, int(name.is_wildcard)
        identifier = (order.id, position, order.account, base.type, base.value, wildcard)
        rest = (_seconds(order.expires_at), tokens.new_seed())
        writes.append(Write(sql.ADD_AUTHORIZATION, (*identifier, *rest)))
    return writes


def begin_finalize(order: Order, csr: bytes, key: bytes, claim: bytes, now: int) -> Write:
    """Ready → processing with this CSR, unless its key (a thumbprint) is an account's."""
    return Write(sql.BEGIN_FINALIZE, (order.id, order.account, csr, claim, now, key))


def begin_attempt(
    order: bytes, position: int, account: bytes, challenge: str, claim: bytes, now: int
) -> Write:
    """The challenge is the one attempted, if none was and it can prove the identifier."""
    return Write(sql.BEGIN_ATTEMPT, (order, position, account, challenge, claim, now))


def deactivate_authorization(order: bytes, position: int, account: bytes) -> Write:
    """The owner gives it up."""
    return Write(sql.DEACTIVATE_AUTHORIZATION, (order, position, account))


def _seconds(time: dt.datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())


def _row(new: NewAccount) -> tuple[object, ...]:
    return (
        new.id,
        new.provisioner,
        new.thumbprint,
        _key(new.key),
        _json(new.contact),
        new.terms_agreed,
        new.created_at,
    )


def _key(key: PublicKey) -> str:
    return _json(jwk.required_members(key))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
