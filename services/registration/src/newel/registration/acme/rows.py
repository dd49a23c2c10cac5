"""Rows of the ACME tables as records."""

import datetime as dt

import msgspec

from newel.acme.account_keys import read_public_key
from newel.acme.identifiers import Identifier
from newel.jose import jwk
from newel.registration.acme.ids import derive_token
from newel.registration.acme.records import (
    Account,
    AccountStatus,
    Attempt,
    Authorization,
    AuthorizationStatus,
    Claim,
    IdentifierProof,
    Order,
    OrderStatus,
    Preauthorization,
)
from newel.runtime.database.contract import Row
from newel.runtime.database.times import read_optional_time, read_time, to_seconds

_identifiers = msgspec.json.Decoder(tuple[Identifier, ...])
_names = msgspec.json.Decoder(tuple[str, ...])
_contacts = msgspec.json.Decoder(tuple[str, ...])
_jwk = msgspec.json.Decoder(jwk.JWK)


def account(row: Row) -> Account:
    """Read an account."""
    identity, provisioner, thumbprint, key, contact, status, terms = row
    return Account(
        bytes(identity),
        provisioner,
        bytes(thumbprint),
        read_public_key(_jwk.decode(key)),
        _contacts.decode(contact),
        AccountStatus(status),
        terms,
    )


def order(row: Row, now: dt.datetime) -> Order:
    """Read an order, with its state at ``now`` from its own row and its authorizations."""
    identity, owner, names, stored, *times, claim, error, replaces, profile, named = row[:-2]
    identifiers = _identifiers.decode(names)
    not_before, not_after, expires_at, requested = times
    valid, pending = row[-2:]
    status = OrderStatus(stored)
    expired = expires_at <= to_seconds(now)
    if status is OrderStatus.PROCESSING and expired:
        status = OrderStatus.INVALID  # no process takes it over any more
    elif status is OrderStatus.PENDING:
        if expired or valid + pending < len(identifiers):
            status = OrderStatus.INVALID
        elif valid == len(identifiers):
            status = OrderStatus.READY
    return Order(
        bytes(identity),
        bytes(owner),
        identifiers,
        status,
        read_optional_time(not_before),
        read_optional_time(not_after),
        read_time(expires_at),
        requested,
        None if claim is None else bytes(claim),
        error,
        replaces or "",
        profile or "",
        _names.decode(named) if named else (),
    )


def authorization(row: Row, now: dt.datetime) -> Authorization:
    """Read an authorization, with its state at ``now``."""
    order_id, position, owner, kind, value, wildcard, stored, expires_at, seed, *attempt = row
    challenge, claim, validated_at, error, subdomains = attempt
    status = AuthorizationStatus(stored)
    if expires_at <= to_seconds(now):
        if status is AuthorizationStatus.PENDING:
            status = AuthorizationStatus.INVALID
        elif status is AuthorizationStatus.VALID:
            status = AuthorizationStatus.EXPIRED
    return Authorization(
        bytes(order_id),
        position,
        bytes(owner),
        Identifier(kind, value),
        bool(wildcard),
        status,
        read_time(expires_at),
        bytes(seed),
        challenge,
        None if claim is None else bytes(claim),
        read_optional_time(validated_at),
        error,
        bool(subdomains),
    )


def preauthorization(row: Row) -> Preauthorization:
    """Read an authorization that later orders may use."""
    identity, kind, value, subdomains, challenge, expires_at = row
    return Preauthorization(
        bytes(identity),
        Identifier(kind, value),
        bool(subdomains),
        challenge,
        read_time(expires_at),
    )


def proof(row: Row) -> IdentifierProof:
    """Read what an identifier is proved by."""
    position, owner, kind, value, wildcard, challenge = row
    identifier = Identifier(kind, value)
    return IdentifierProof(position, bytes(owner), identifier, bool(wildcard), challenge or "")


def failure(row: Row) -> tuple[Identifier, str]:
    """Read an identifier as its order has it, and the problem of its challenge."""
    kind, value, wildcard, error = row
    return Identifier(kind, f"*.{value}" if wildcard else value), error


def claim(row: Row) -> Claim:
    """Read a finalization that was begun and not completed."""
    order_id, owner, provisioner, names, not_before, not_after, csr, token, tries, *more = row
    replaces, profile = more
    return Claim(
        bytes(order_id),
        bytes(owner),
        provisioner,
        _identifiers.decode(names),
        read_optional_time(not_before),
        read_optional_time(not_after),
        bytes(csr),
        bytes(token),
        tries,
        replaces or "",
        profile or "",
    )


def attempt(row: Row) -> Attempt:
    """Read a validation that was begun and not completed."""
    order_id, position, kind, value, challenge, seed, thumbprint, token, *others = row
    provisioner, tries, payload, wildcard = others
    return Attempt(
        bytes(order_id),
        position,
        Identifier(kind, value),
        challenge,
        derive_token(bytes(seed), challenge),
        bytes(thumbprint),
        bytes(token),
        provisioner,
        tries,
        bytes(payload or b""),
        bool(wildcard),
    )
