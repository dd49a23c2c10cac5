"""The metadata of people, devices and workloads."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from newel.inventory.lookup import MetadataKey
from newel.runtime.database.contract import Database, Statement, Write

_READ = Statement("""
    SELECT kind, key, provisioner, entries FROM metadata
    WHERE kind = $1 AND key = $2 AND provisioner = $3""")
_WRITE = Statement("""
    INSERT INTO metadata (kind, key, provisioner, entries, updated_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (kind, key, provisioner)
        DO UPDATE SET entries = excluded.entries, updated_at = excluded.updated_at""")
_REMOVE = Statement("""
    DELETE FROM metadata WHERE kind = $1 AND key = $2 AND provisioner = $3 RETURNING kind""")


class MetadataStorage:
    """The metadata table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, keys: Sequence[MetadataKey]) -> dict[MetadataKey, dict[str, str]]:
        """Read those of these entries that exist."""
        asked = [(key.kind, key.key, key.provisioner) for key in keys]
        rows = await self._database.fetch_many(_READ, asked)
        return {
            MetadataKey(kind, key, provisioner): msgspec.json.decode(entries, type=dict[str, str])
            for kind, key, provisioner, entries in rows
        }

    async def write(self, key: MetadataKey, entries: dict[str, str], at: dt.datetime) -> None:
        """Replace an entry."""
        text = msgspec.json.encode(entries).decode()
        params = (key.kind, key.key, key.provisioner, text, int(at.timestamp()))
        await self._database.apply(Write(_WRITE, params))

    async def remove(self, key: MetadataKey) -> bool:
        """Remove an entry and return whether there was one."""
        gate = Write(_REMOVE, (key.kind, key.key, key.provisioner))
        return await self._database.decide(gate) is not None
