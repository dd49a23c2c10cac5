"""The import of what administrators managed: all of it becomes this authority's first configuration, or none."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from newel.registration.app import foreign_admin
from newel.runtime.database.contract import Database
from newel.standalone.takeover import administration
from newel.standalone.takeover import source as tables
from newel.standalone.takeover.importer import Note, Part, name_row
from newel.standalone.takeover.source import Source

Item = TypeVar("Item")


class ManagedConfiguration:
    """Takes provisioners, administrators and the policy over, where ``authority.enableAdmin`` is on."""

    def __init__(self, database: Database, authority: str, *, enabled: bool) -> None:
        self._database = database
        self._authority = authority
        self._enabled = enabled

    async def run(self, source: Source, note: Note, *, dry_run: bool) -> list[Part]:
        """Import it; an empty list where the store has none."""
        names = (tables.PROVISIONERS, tables.ADMINISTRATORS, tables.POLICIES)
        parts = [Part(name, await source.count(name), note=note) for name in names]
        if not any(part.rows for part in parts):
            return []
        if not self._enabled:
            for part in parts:
                await self._leave_out(source, part, "authority.enableAdmin is off in ca.json")
            return parts
        mine = self._authority
        provisioners = await _read(
            source, parts[0], lambda value: administration.read_provisioner(value, mine, 0)
        )
        provisioners.sort(key=lambda each: (each.created_at, each.id))
        ids = {each.id for each in provisioners}
        read_admin = partial(self._read_administrator, ids)
        administrators = await _read(source, parts[1], read_admin)
        policies = await _read(
            source, parts[2], lambda value: administration.read_policy(value, mine)
        )
        if await foreign_admin.is_managed(self._database):
            for part in parts:
                part.known = part.rows - part.reasons.total()
            return parts
        policy: dict[str, Any] | None = next((each for each in policies if each), None)
        if not dry_run:
            await foreign_admin.add_configuration(
                self._database,
                [replace(each, position=position) for position, each in enumerate(provisioners)],
                administrators,
                policy,
            )
        for part in parts:
            part.new = part.rows - part.reasons.total()
        return parts

    def _read_administrator(self, ids: set[str], value: bytes) -> foreign_admin.Administrator:
        found = administration.read_administrator(value, self._authority)
        if found.provisioner not in ids:
            raise ValueError("its provisioner is not taken over")
        return found

    @staticmethod
    async def _leave_out(source: Source, part: Part, why: str) -> None:
        async for row in source.rows(part.name):
            part.leave_out(name_row(row.key), why)


async def _read(source: Source, part: Part, read: Callable[[bytes], Item]) -> list[Item]:
    """Read the rows of a table; one that cannot be read is counted and left out."""
    found: list[Item] = []
    async for row in source.rows(part.name):
        try:
            found.append(read(row.value))
        except ValueError as error:
            part.leave_out(name_row(row.key), str(error))
    return found
