"""Certificates by their keys."""

import datetime as dt
from collections.abc import Sequence

from newel.inventory.catalogue import KeyOwner, KeyUse
from newel.inventory.keys import KeylessCertificate
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.times import to_seconds

_KEYLESS = Statement(
    "SELECT serial, type FROM certificates WHERE key_digest IS NULL ORDER BY position LIMIT $1"
)
_SET_KEY = Statement(
    "UPDATE certificates SET key_digest = $2 WHERE serial = $1 AND key_digest IS NULL"
)
_COUNTS = Statement("""
    SELECT coalesce(sum(CASE WHEN revoked_at IS NULL AND not_after >= $2 THEN 1 ELSE 0 END), 0),
        coalesce(sum(CASE WHEN revoked_at IS NULL AND not_after < $2 THEN 1 ELSE 0 END), 0),
        coalesce(sum(CASE WHEN revoked_at IS NOT NULL THEN 1 ELSE 0 END), 0),
        count(DISTINCT endpoint)
    FROM certificates WHERE key_digest = $1""")
_OWNERS = Statement("""
    SELECT endpoint, min(common_name), provisioner, proof,
        sum(CASE WHEN revoked_at IS NULL AND not_after >= $2 THEN 1 ELSE 0 END)
    FROM certificates WHERE key_digest = $1
    GROUP BY endpoint, provisioner, proof ORDER BY 5 DESC, endpoint LIMIT $3""")


class KeyStorage:
    """The keys in the table of certificates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_keyless(self, limit: int) -> list[KeylessCertificate]:
        """List certificates whose keys were not read."""
        rows = await self._database.fetch(_KEYLESS, limit)
        return [KeylessCertificate(serial, kind) for serial, kind in rows]

    async def set_keys(self, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """Store the digests of keys by serial; empty for one that cannot be read."""
        await self._database.apply(*[Write(_SET_KEY, each) for each in keys])

    async def read_use(self, digest: bytes, now: dt.datetime, limit: int) -> KeyUse:
        """Count the certificates on a key, and list whose they are, ``limit`` rows at most."""
        at = to_seconds(now)
        ((active, expired, revoked, endpoints),) = await self._database.fetch(_COUNTS, digest, at)
        owners = await self._database.fetch(_OWNERS, digest, at, limit)
        return KeyUse(active, expired, revoked, endpoints, tuple(KeyOwner(*row) for row in owners))
