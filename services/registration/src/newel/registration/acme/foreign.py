"""ACME accounts and external account keys of another program, under the ids that their clients know."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from newel.acme.account_keys import read_public_key
from newel.jose import jwk
from newel.jose.errors import JOSEError
from newel.registration.acme import ids
from newel.registration.acme.issuance import subject_of_proof
from newel.registration.acme.records import AccountStatus
from newel.registration.acme.statements import (
    ADD_FOREIGN_ACCOUNT,
    ADD_FOREIGN_KEY,
    BIND_FOREIGN_ACCOUNT,
    FOREIGN_ACCOUNT,
)
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.times import to_seconds
from newel.runtime.errors import NewelError
from newel.runtime.tally import Tally

_FOREIGN_KEY = Statement("SELECT id FROM acme_external_keys WHERE id = $1")


class ForeignAccount(NamedTuple):
    """An account. ``key`` is its public key as a JWK, ``id`` the last part of its URL."""

    id: str
    provisioner: str
    key: Mapping[str, Any]
    contact: tuple[str, ...]
    status: str
    created_at: dt.datetime


class ForeignExternalKey(NamedTuple):
    """An external account key; ``account`` is the id of the account that it is bound to, "" without one."""

    id: str
    provisioner: str
    reference: str
    mac_key: bytes
    account: str
    created_at: dt.datetime
    bound_at: dt.datetime | None


class ForeignAccounts:
    """Takes accounts over. With ``dry_run`` it checks and counts them alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_accounts(self, given: Iterable[ForeignAccount], *, dry_run: bool) -> Tally:
        """Store accounts, each by itself; those that are there stay as they are."""
        tally, writes = Tally(), list[Write]()
        for each in given:
            try:
                row = _account_row(each)
            except (ValueError, JOSEError, NewelError) as error:
                why = error.detail if isinstance(error, NewelError) else str(error)
                tally.left_out.append((each.id, why))
                continue
            if await self._database.fetch(FOREIGN_ACCOUNT, row[0], row[2], row[1]):
                tally.known += 1
                continue
            writes.append(Write(ADD_FOREIGN_ACCOUNT, row))
        tally.new = len(writes)
        if not dry_run:
            await self._database.decide_all([(write,) for write in writes])
        return tally

    async def add_external_keys(
        self, given: Sequence[ForeignExternalKey], *, dry_run: bool
    ) -> Tally:
        """Store external account keys, each by itself; those that are there stay as they are.

        Their accounts, which are there already, are held to the policies that the keys will have.
        """
        tally, units = Tally(), list[tuple[Write, ...]]()
        for each in given:
            account = ids.parse(each.account) if each.account else None
            if not each.mac_key or (each.account and account is None):
                tally.left_out.append((each.id, "it has no key, or its account's id is none"))
                continue
            if await self._database.fetch(_FOREIGN_KEY, each.id):
                tally.known += 1
                continue
            bound = to_seconds(each.bound_at) if each.bound_at else None
            row = (
                each.id, each.provisioner, each.reference, each.mac_key, account,
                to_seconds(each.created_at), bound,
            )  # fmt: skip # a row
            bind = [Write(BIND_FOREIGN_ACCOUNT, (account, each.id))] if account else []
            units.append((Write(ADD_FOREIGN_KEY, row), *bind))
        tally.new = len(units)
        if not dry_run:
            await self._database.decide_all(units)
        return tally


def name_account(provisioner: str, account: str) -> str:
    """Return the name of an account in the records of the issuing authority. Raises ValueError."""
    identity = ids.parse(account)
    if identity is None:
        raise ValueError(f"{account[:64]!r} is no id of an account")
    return subject_of_proof(provisioner, identity)


def _account_row(given: ForeignAccount) -> tuple[Any, ...]:
    """Return the row of an account. Raises ValueError, and what a key that is not used here raises."""
    identity = ids.parse(given.id)
    if identity is None:
        raise ValueError("its id is none of an account")
    key = read_public_key(msgspec.convert(dict(given.key), jwk.JWK))
    status = AccountStatus(given.status)
    return (
        identity,
        given.provisioner,
        jwk.thumbprint(key),
        json.dumps(jwk.required_members(key), separators=(",", ":")),
        json.dumps(given.contact, separators=(",", ":")),
        status,
        to_seconds(given.created_at),
    )
