"""Accounts, orders and authorizations as the domain sees them."""

import datetime as dt

import msgspec

from newel.acme.identifiers import Identifier
from newel.crypto.keys import PublicKey

PENDING, READY, PROCESSING = "pending", "ready", "processing"
VALID, INVALID = "valid", "invalid"
DEACTIVATED, EXPIRED = "deactivated", "expired"


class Account(msgspec.Struct, frozen=True):
    """A row of ``acme_accounts``, its key ready to verify with."""

    id: bytes
    provisioner: str
    thumbprint: bytes
    key: PublicKey
    contact: str
    status: str
    terms_agreed: str


class Order(msgspec.Struct, frozen=True):
    """An order as it stood when it was read. ``status`` is the state of RFC 8555 §7.1.6 at that time."""

    id: bytes
    account: bytes
    identifiers: tuple[Identifier, ...]
    status: str
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    expires_at: dt.datetime
    requested: str | None
    """notBefore and notAfter as the client wrote them, a JSON pair; None when it sent neither."""
    claim: bytes | None
    error: str | None
    issuer: str | None


class Authorization(msgspec.Struct, frozen=True):
    """An authorization as it stood when it was read, with the one challenge that was attempted."""

    order_id: bytes
    position: int
    account: bytes
    identifier: Identifier
    wildcard: bool
    status: str
    expires_at: dt.datetime
    seed: bytes
    challenge: str | None
    claim: bytes | None
    validated_at: dt.datetime | None
    error: str | None


class Claim(msgspec.Struct, frozen=True):
    """A finalization that was begun: what is needed to carry it through, now or after a crash."""

    order_id: bytes
    account: bytes
    provisioner: str
    identifiers: tuple[Identifier, ...]
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    csr: bytes
    claim: bytes
    tries: int = 0
    """How often it was taken up after the first time."""


class Attempt(msgspec.Struct, frozen=True):
    """A challenge to be validated: what is needed to do it, now or after a crash."""

    order_id: bytes
    position: int
    identifier: Identifier
    challenge: str
    token: str
    thumbprint: bytes
    claim: bytes
    provisioner: str
    tries: int = 0
    """How often it was taken up after the first time."""


class Admission(msgspec.Struct, frozen=True):
    """What lets a request change anything: its nonce unused and its account still valid.

    ``account`` is None for requests signed by a key of their own (newAccount, revokeCert).
    """

    nonce: bytes
    account: bytes | None = None
    thumbprint: bytes = b""
