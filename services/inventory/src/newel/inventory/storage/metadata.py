"""The metadata of people, devices and workloads."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from newel.inventory.lookup import MetadataKey
from newel.inventory.metadata_file import MetadataRecord
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.paging import escape_like
from newel.runtime.database.times import read_time

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

_PAGE = """
    SELECT kind, key, provisioner, entries, updated_at FROM metadata
    WHERE (kind > $1 OR (kind = $1 AND (key > $2 OR (key = $2 AND provisioner > $3))))"""
_ORDER = " ORDER BY kind, key, provisioner LIMIT $4"


class StoredRecord(NamedTuple):
    """A record as it is kept."""

    key: MetadataKey
    entries: dict[str, str]
    updated_at: dt.datetime


class MetadataFilters(NamedTuple):
    """Which records a list has; None: any."""

    kind: str | None = None
    provisioner: str | None = None
    search: str | None = None
    attribute: tuple[str, str] | None = None


class Change(NamedTuple):
    """What records would change."""

    records: Sequence[MetadataRecord]
    """Those that are new or different."""
    created: int
    changed: int
    unchanged: int


class MetadataStorage:
    """The metadata table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, keys: Sequence[MetadataKey]) -> dict[MetadataKey, dict[str, str]]:
        """Read those of these entries that exist."""
        asked = [_parts(key) for key in keys]
        rows = await self._database.fetch_many(_READ, asked)
        return {
            MetadataKey(kind, key, provisioner): _decode(entries)
            for kind, key, provisioner, entries in rows
        }

    async def write(self, key: MetadataKey, entries: dict[str, str], at: dt.datetime) -> None:
        """Replace an entry."""
        await self._database.apply(_write(key, entries, at))

    async def compare(self, records: Sequence[MetadataRecord]) -> Change:
        """Tell which of these records are new, different, and as they were."""
        known = await self.read([record.key for record in records])
        found = [record for record in records if known.get(record.key) != record.entries]
        created = sum(record.key not in known for record in found)
        return Change(found, created, len(found) - created, len(records) - len(found))

    async def write_all(self, records: Sequence[MetadataRecord], at: dt.datetime) -> None:
        """Replace many entries, all or none."""
        # In the order of their keys: two imports at once must not lock each other's rows crosswise.
        writes = [_write(record.key, record.entries, at) for record in sorted(records, key=_key_of)]
        if writes:
            await self._database.apply(*writes)

    async def page(
        self, filters: MetadataFilters, after: MetadataKey | None, limit: int
    ) -> list[StoredRecord]:
        """Read some records in the order of their keys, past ``after``."""
        text, params = _PAGE, [*(_parts(after) if after else ("", "", "")), limit]

        def add(clause: str, value: str) -> None:
            nonlocal text
            params.append(value)
            text += f" AND {clause.replace('?', f'${len(params)}')}"

        if filters.kind:
            add("kind = ?", filters.kind)
        if filters.provisioner:
            add("provisioner = ?", filters.provisioner)
        if filters.search:
            add(r"lower(key) LIKE ? ESCAPE '\'", f"%{escape_like(filters.search)}%")
        if filters.attribute:
            entry = msgspec.json.encode(dict([filters.attribute])).decode()[1:-1]
            # a member begins after a brace or a comma; inside a text its quotes would be escaped
            add(
                r"(lower(entries) LIKE '{' || ? ESCAPE '\' OR lower(entries) LIKE '%,' || ? ESCAPE '\')",
                f"{escape_like(entry)}%",
            )
        rows = await self._database.fetch(Statement(text + _ORDER), *params)
        return [
            StoredRecord(MetadataKey(*row[:3]), _decode(row[3]), read_time(row[4])) for row in rows
        ]

    async def remove(self, key: MetadataKey) -> bool:
        """Remove an entry and return whether there was one."""
        gate = Write(_REMOVE, _parts(key))
        return await self._database.decide(gate) is not None


def _parts(key: MetadataKey) -> tuple[str, str, str]:
    return key.kind, key.key, key.provisioner


def _key_of(record: MetadataRecord) -> tuple[str, str, str]:
    return _parts(record.key)


def _decode(entries: str) -> dict[str, str]:
    return msgspec.json.decode(entries, type=dict[str, str])


def _write(key: MetadataKey, entries: dict[str, str], at: dt.datetime) -> Write:
    text = msgspec.json.encode(entries).decode()
    return Write(_WRITE, (*_parts(key), text, int(at.timestamp())))
