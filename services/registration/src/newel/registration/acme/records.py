"""Accounts, orders and authorizations as the domain sees them. Times are aware, in whole seconds."""

import datetime as dt
import enum

import msgspec

from newel.acme.identifiers import Identifier
from newel.crypto.keys import PublicKey


class AccountStatus(enum.StrEnum):
    """RFC 8555 §7.1.2."""

    VALID = "valid"
    DEACTIVATED = "deactivated"
    REVOKED = "revoked"


class OrderStatus(enum.StrEnum):
    """RFC 8555 §7.1.3."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class AuthorizationStatus(enum.StrEnum):
    """RFC 8555 §7.1.4."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ChallengeStatus(enum.StrEnum):
    """RFC 8555 §8."""

    PENDING = "pending"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class Account(msgspec.Struct, frozen=True):
    """A row of ``acme_accounts``, its key ready to verify with."""

    id: bytes
    provisioner: str
    thumbprint: bytes
    key: PublicKey
    contact: tuple[str, ...]
    status: AccountStatus
    terms_agreed: str


class Order(msgspec.Struct, frozen=True):
    """An order, with its state (RFC 8555 §7.1.6) at the time it was read."""

    id: bytes
    account: bytes
    identifiers: tuple[Identifier, ...]
    status: OrderStatus
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    expires_at: dt.datetime
    requested: str | None
    """notBefore and notAfter as the client wrote them, a JSON pair; None when it sent neither."""
    claim: bytes | None = None
    error: str | None = None
    replaces: str = ""
    """The identifier of the certificate that it replaces (RFC 9773 §5)."""
    profile: str = ""
    """The name of its profile; ``""``: the provisioner has none."""
    authorizations: tuple[str, ...] = ()
    """The names of its authorizations, where one is not of this order alone; else it has one for each
    identifier, in their order."""


class Authorization(msgspec.Struct, frozen=True):
    """An authorization at the time it was read, with the one challenge that was attempted."""

    order_id: bytes
    """One without an order has an id of its own."""
    position: int
    account: bytes
    identifier: Identifier
    wildcard: bool
    status: AuthorizationStatus
    expires_at: dt.datetime
    seed: bytes
    challenge: str | None
    claim: bytes | None
    validated_at: dt.datetime | None
    error: str | None
    subdomains: bool = False
    """Whether it is for the domains below the identifier, too (RFC 9444)."""

    @property
    def is_approved(self) -> bool:
        """Whether it is valid without a challenge."""
        return self.challenge is None and self.validated_at is not None

    @property
    def is_processing(self) -> bool:
        """Whether a challenge is under validation."""
        return self.status is AuthorizationStatus.PENDING and self.challenge is not None


class Preauthorization(msgspec.Struct, frozen=True):
    """A valid authorization that was asked for in advance (RFC 8555 §7.4.1)."""

    id: bytes
    identifier: Identifier
    subdomains: bool
    challenge: str
    expires_at: dt.datetime


class Claim(msgspec.Struct, frozen=True):
    """A finalization under way: everything needed to complete it, now or after a crash."""

    order_id: bytes
    account: bytes
    provisioner: str
    identifiers: tuple[Identifier, ...]
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    csr: bytes
    claim: bytes
    tries: int = 0
    """How often it was taken over after the first time."""
    replaces: str = ""
    """The identifier of the certificate that it replaces (RFC 9773 §5)."""
    profile: str = ""
    """The name of the order's profile."""


class Attempt(msgspec.Struct, frozen=True):
    """A challenge to validate: everything needed to do it, now or after a crash."""

    order_id: bytes
    position: int
    identifier: Identifier
    challenge: str
    token: str
    thumbprint: bytes
    claim: bytes
    provisioner: str
    tries: int = 0
    """How often it was taken over after the first time."""
    payload: bytes = b""
    """The JSON that answered the challenge, where it carries the proof; or the account's URL, where the
    proof names it."""
    wildcard: bool = False


class Attestation(msgspec.Struct, frozen=True):
    """What proved the device of an order."""

    payload: bytes
    """The JSON that answered device-attest-01."""
    key: bytes
    """The thumbprint (RFC 7638) of the attested key."""


class IdentifierProof(msgspec.Struct, frozen=True):
    """What one identifier of an order is proved by."""

    position: int
    account: bytes
    identifier: Identifier
    """Without ``*.``."""
    wildcard: bool
    challenge: str
    """The type of its challenge; ``""``: it needs none, or none was attempted."""


class UsableKey(msgspec.Struct, frozen=True):
    """An external account key (RFC 8555 §7.3.4) that was not removed."""

    mac_key: bytes
    bound: int
    """How many accounts are bound to it."""
    most: int
    """How many may be."""
    ends_at: dt.datetime | None
    """From when on it binds none; None: never."""


class RateUse(msgspec.Struct, frozen=True):
    """One unit of a rate, in nanoseconds."""

    key: bytes
    interval: int
    """What it takes."""
    slack: int
    """How far ahead the rest may be: what all the other units take."""


class FailureBound(msgspec.Struct, frozen=True):
    """How many validations of an account may have failed lately, of whatever identifiers."""

    since: dt.datetime
    now: dt.datetime
    most: int
    """So many may have, and not one more."""


class Admission(msgspec.Struct, frozen=True):
    """The condition of any change: the nonce is unused and the account still valid.

    ``account`` is None for requests signed by a key of their own (newAccount, revokeCert).
    """

    nonce: bytes
    account: bytes | None = None
    thumbprint: bytes = b""
    failures: FailureBound | None = None
    """A further condition, where the account asks to prove something."""
