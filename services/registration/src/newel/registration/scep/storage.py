"""The SQL of SCEP: transport keys and transactions."""

import datetime as dt
from typing import NamedTuple

from newel.runtime.database.contract import Database, Statement, Write

_KEYS = Statement(
    "SELECT slot, certificate, private_key FROM scep_transport_keys"
    " WHERE expires_at > $1 ORDER BY slot DESC LIMIT 4"
)
_LAST = Statement("SELECT COALESCE(MAX(slot), 0) FROM scep_transport_keys")
_ADD_KEY = Statement(
    "INSERT INTO scep_transport_keys (slot, certificate, private_key, expires_at)"
    " VALUES ($1, $2, $3, $4) ON CONFLICT (slot) DO NOTHING RETURNING slot"
)
_SWEEP_KEYS = Statement("DELETE FROM scep_transport_keys WHERE expires_at <= $1")
_BEGIN = Statement(
    "INSERT INTO scep_transactions (id, request, created_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (id) DO NOTHING RETURNING id"
)
_TRANSACTION = Statement("SELECT request, created_at FROM scep_transactions WHERE id = $1")
_SWEEP = Statement(
    "DELETE FROM scep_transactions WHERE id IN"
    " (SELECT id FROM scep_transactions WHERE created_at < $1 ORDER BY created_at LIMIT $2)"
)
_SWEEPABLE = Statement("SELECT 1 FROM scep_transactions WHERE created_at < $1 LIMIT 1")


class StoredKey(NamedTuple):
    """A transport key as it is stored: the certificate in DER, the key as encrypted PEM."""

    slot: int
    certificate: bytes
    private_key: bytes


class SCEPStorage:
    """The tables of SCEP."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def transport_keys(self, now: dt.datetime) -> list[StoredKey]:
        """Read the transport keys whose certificates have not expired, the newest first."""
        rows = await self._database.fetch(_KEYS, int(now.timestamp()))
        return [StoredKey(int(row[0]), bytes(row[1]), bytes(row[2])) for row in rows]

    async def next_slot(self) -> int:
        """Return the number that the next transport key will have."""
        return int((await self._database.fetch(_LAST))[0][0]) + 1

    async def add_transport_key(self, key: StoredKey, expires_at: dt.datetime) -> bool:
        """Store a transport key; False when another process has taken its slot."""
        expiry = int(expires_at.timestamp())
        return await self._database.decide(Write(_ADD_KEY, (*key, expiry))) is not None

    async def begin_transaction(
        self, transaction: bytes, request: bytes, now: dt.datetime
    ) -> tuple[bytes, int]:
        """Record a transaction once; return the request digest and the time of its first message."""
        created_at = int(now.timestamp())
        if await self._database.decide(Write(_BEGIN, (transaction, request, created_at))):
            return request, created_at
        found = await self._database.fetch(_TRANSACTION, transaction)
        if not found:  # swept in between
            return await self.begin_transaction(transaction, request, now)
        return bytes(found[0][0]), int(found[0][1])

    async def sweep(self, now: dt.datetime, before: dt.datetime, limit: int) -> bool:
        """Delete expired keys and up to ``limit`` old transactions; True when there are more."""
        oldest = int(before.timestamp())
        await self._database.apply(
            Write(_SWEEP, (oldest, limit)), Write(_SWEEP_KEYS, (int(now.timestamp()),))
        )
        return bool(await self._database.fetch(_SWEEPABLE, oldest))
