"""All SQL of ACME: reads, and writes to be put into a request's one unit."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from newel.acme.account_keys import read_public_key
from newel.acme.identifiers import Identifier
from newel.jose import jwk
from newel.registration.acme import statements as sql
from newel.registration.acme.records import (
    EXPIRED,
    INVALID,
    PENDING,
    PROCESSING,
    READY,
    VALID,
    Account,
    Admission,
    Authorization,
    Order,
)
from newel.runtime.database.contract import Database, Row, Write

_identifiers = msgspec.json.Decoder(tuple[Identifier, ...])
_jwk = msgspec.json.Decoder(jwk.JWK)


class Storage:
    """The ACME tables of one registration database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, admission: Admission, *writes: Write) -> bool:
        """Uses the nonce and, if that succeeds and the account is still valid, makes the writes.

        One transaction: False means that nothing happened at all. The use of a nonce alone need
        not reach the disk at once: who repeats a reading after a power failure changes nothing.
        """
        if admission.account is None:
            gate = Write(sql.USE_NONCE, (admission.nonce,))
        else:
            params = (admission.nonce, admission.account, admission.thumbprint)
            gate = Write(sql.USE_NONCE_OF_ACCOUNT, params)
        return await self._database.decide(gate, *writes, durable=bool(writes)) is not None

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """The shared secret of that name: ``fresh`` if no replica stored one before."""
        await self._database.apply(Write(sql.ADD_SECRET, (name, fresh)))
        rows = await self._database.fetch(sql.SECRET, name)
        return bytes(rows[0][0])

    async def account(self, account: bytes, provisioner: str) -> Account | None:
        """An account of this provisioner by id."""
        rows = await self._database.fetch(sql.ACCOUNT, account, provisioner)
        return _account(rows[0]) if rows else None

    async def account_of_key(self, thumbprint: bytes, provisioner: str) -> Account | None:
        """An account of this provisioner by its key."""
        rows = await self._database.fetch(sql.ACCOUNT_OF_KEY, thumbprint, provisioner)
        return _account(rows[0]) if rows else None

    async def external_key(self, key_id: str, provisioner: str) -> tuple[bytes, bool] | None:
        """The MAC key of that id and whether an account is bound to it already."""
        rows = await self._database.fetch(sql.EXTERNAL_KEY, key_id, provisioner)
        return (bytes(rows[0][0]), rows[0][1] is not None) if rows else None

    async def order(self, order: bytes, account: bytes, now: int) -> Order | None:
        """An order of this account, with its state at ``now``."""
        rows = await self._database.fetch(sql.ORDER, order, account)
        return _order(rows[0], now) if rows else None

    async def orders(self, account: bytes, after: bytes, limit: int) -> list[bytes]:
        """Ids of the account's orders after one of them, oldest first."""
        return [bytes(r[0]) for r in await self._database.fetch(sql.ORDERS, account, after, limit)]

    async def certificate(self, order: bytes, account: bytes) -> tuple[bytes, str] | None:
        """DER and issuer of an order's certificate, if this account owns it."""
        rows = await self._database.fetch(sql.CERTIFICATE, order, account)
        return (bytes(rows[0][0]), str(rows[0][1])) if rows else None

    async def finalized(self, order: bytes, account: bytes) -> tuple[bytes | None, bytes] | None:
        """The CSR an order is processed with, or the certificate it led to."""
        rows = await self._database.fetch(sql.FINALIZED, order, account)
        if not rows:
            return None
        csr, certificate = rows[0]
        return None if csr is None else bytes(csr), bytes(certificate or b"")

    async def authorization(
        self, order: bytes, position: int, account: bytes, now: int
    ) -> Authorization | None:
        """An authorization of this account, with its state at ``now``."""
        rows = await self._database.fetch(sql.AUTHORIZATION, order, position, account)
        return _authorization(rows[0], now) if rows else None

    async def proves(
        self, account: bytes, since: bytes, wanted: Sequence[Identifier], now: int
    ) -> bool:
        """Whether the account holds a valid authorization for each of these identifiers.

        ``since`` is the smallest order id whose authorizations can still be valid.
        """
        for name in wanted:
            base = name.base
            params = (account, since, base.type, base.value, int(name.is_wildcard), now)
            if not await self._database.fetch(sql.PROVES, *params):
                return False
        return bool(wanted)

    async def sweep(self, nonces_before: bytes, ids_before: bytes, limit: int) -> int:
        """Deletes up to ``limit`` nonces and orders (with their authorizations) older than that."""
        nonces = await self._database.fetch(sql.OLD_NONCES, nonces_before, limit)
        orders = await self._database.fetch(sql.OLD_ORDERS, ids_before, limit)
        writes: list[Write] = []
        if nonces:
            writes.append(Write(sql.DELETE_NONCES, (bytes(nonces[-1][0]),)))
        if orders:
            last = (bytes(orders[-1][0]),)
            writes += [Write(sql.DELETE_AUTHORIZATIONS, last), Write(sql.DELETE_ORDERS, last)]
        if writes:
            await self._database.apply(*writes)
        return max(len(nonces), len(orders))


def from_seconds(seconds: int | None) -> dt.datetime | None:
    """Convert a stored time."""
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)


def _account(row: Row) -> Account:
    identity, provisioner, thumbprint, key, contact, status, terms = row
    public = read_public_key(_jwk.decode(key))
    return Account(bytes(identity), provisioner, bytes(thumbprint), public, contact, status, terms)


def _order(row: Row, now: int) -> Order:
    identity, account, names, status, *times, claim, error, issuer, good, open_ = row
    identifiers = _identifiers.decode(names)
    not_before, not_after, expires_at, requested = times
    if status == PROCESSING and expires_at <= now:
        status = INVALID  # nobody carries it through any more
    elif status == PENDING:
        if expires_at <= now or good + open_ < len(identifiers):
            status = INVALID
        elif good == len(identifiers):
            status = READY
    return Order(
        bytes(identity),
        bytes(account),
        identifiers,
        status,
        from_seconds(not_before),
        from_seconds(not_after),
        dt.datetime.fromtimestamp(expires_at, dt.UTC),
        requested,
        None if claim is None else bytes(claim),
        error,
        issuer,
    )


def _authorization(row: Row, now: int) -> Authorization:
    order, position, account, kind, value, wildcard, status, expires_at, seed, *attempt = row
    challenge, claim, validated_at, error = attempt
    if status in {PENDING, VALID} and expires_at <= now:
        status = INVALID if status == PENDING else EXPIRED
    return Authorization(
        bytes(order),
        position,
        bytes(account),
        Identifier(kind, value),
        bool(wildcard),
        status,
        dt.datetime.fromtimestamp(expires_at, dt.UTC),
        bytes(seed),
        challenge,
        None if claim is None else bytes(claim),
        from_seconds(validated_at),
        error,
    )
