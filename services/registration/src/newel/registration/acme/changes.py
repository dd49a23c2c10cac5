"""The changes that requests make, as values; ``writes`` turns them into SQL."""

import datetime as dt
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from newel.acme.identifiers import Identifier
from newel.crypto.keys import PublicKey
from newel.registration.acme.records import Account, Order, RateUse


class NewAccount(msgspec.Struct, frozen=True):
    """A new account, unless its key has one by then.

    With an ``external_key`` the account and the binding of that key are made together, or neither.
    """

    id: bytes
    provisioner: str
    key: PublicKey
    thumbprint: bytes
    contact: list[str]
    terms_agreed: str
    created_at: dt.datetime
    external_key: str = ""


class SetContact(msgspec.Struct, frozen=True):
    """Other contacts of an account."""

    account: bytes
    contact: list[str]


class DeactivateAccount(msgspec.Struct, frozen=True):
    """The end of an account and of its pending orders from ``oldest_order`` on (RFC 8555 §7.3.6)."""

    account: bytes
    oldest_order: bytes


class ChangeKey(msgspec.Struct, frozen=True):
    """Another key, if the account still has its old one and no account has the new one."""

    account: Account
    key: PublicKey
    thumbprint: bytes


class NewAuthorization(msgspec.Struct, frozen=True):
    """An authorization that is not of one order, unless its account has too many of them."""

    id: bytes
    account: bytes
    identifier: Identifier
    subdomains: bool
    """Whether it is for the domains below the identifier, too."""
    expires_at: dt.datetime
    seed: bytes
    now: dt.datetime
    is_approved: bool = False
    """Whether it is valid without a challenge."""
    most: int = 0
    """How many of them an account may have at a time; 0: it comes with an order, for that alone."""


class NewOrder(msgspec.Struct, frozen=True):
    """An order with an authorization for each identifier."""

    order: Order
    seeds: tuple[bytes, ...]
    """The secret of each authorization, from which its tokens are derived."""
    now: dt.datetime
    approved: frozenset[Identifier] = frozenset()
    """Those that need no challenge: their authorizations are valid at once."""
    links: Mapping[Identifier, bytes] = {}
    """The ids of the authorizations that count for some of them instead of new ones."""
    ancestors: tuple[NewAuthorization, ...] = ()
    """Authorizations to be made with the order, for domains above its identifiers."""
    rates: tuple[RateUse, ...] = ()
    """What it counts for: it is placed where all of them have room, and nothing is written otherwise."""


class BeginFinalize(msgspec.Struct, frozen=True):
    """Ready → processing with this CSR, unless its key (a thumbprint) is an account's."""

    order_id: bytes
    account: bytes
    csr: bytes
    key: bytes
    claim: bytes
    now: dt.datetime
    rate: RateUse | None = None
    """What it counts for: the order stays ready where that has no room."""


class BeginAttempt(msgspec.Struct, frozen=True):
    """The one attempted challenge of an authorization, if it has none and this can prove it."""

    order_id: bytes
    position: int
    account: bytes
    challenge: str
    claim: bytes
    now: dt.datetime
    payload: bytes = b""
    """The answer, where it carries the proof."""


class DeactivateAuthorization(msgspec.Struct, frozen=True):
    """The deactivation of an authorization by its owner."""

    order_id: bytes
    position: int
    account: bytes


Change: TypeAlias = (
    NewAccount
    | SetContact
    | DeactivateAccount
    | ChangeKey
    | NewAuthorization
    | NewOrder
    | BeginFinalize
    | BeginAttempt
    | DeactivateAuthorization
)
