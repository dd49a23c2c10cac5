"""The tables of refusals by hour, and of what was told of them."""

from collections.abc import Mapping, Sequence

from newel.registration.refusals import Cause, Hour
from newel.runtime.database.contract import Database, Statement, Write

_ADD = Statement("""
    INSERT INTO refusals (hour, provisioner, kind, count) VALUES ($1, $2, $3, $4)
    ON CONFLICT (hour, provisioner, kind) DO UPDATE SET count = refusals.count + excluded.count""")
_READ = Statement("SELECT provisioner, kind, hour, count FROM refusals WHERE hour > $1")
_HIGHEST = Statement("""
    SELECT provisioner, kind, max(count) FROM refusals WHERE hour > $1 AND hour <= $2
    GROUP BY provisioner, kind""")
_TOLD = Statement("SELECT provisioner, kind, id FROM refusals_told")
_TELL = Statement("""
    INSERT INTO refusals_told (id, provisioner, kind) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING RETURNING id""")
_END = Statement("DELETE FROM refusals_told WHERE id = $1 RETURNING id")
_FORGET = Statement("DELETE FROM refusals WHERE hour < $1")


class RefusalStorage:
    """The tables behind the Protocol of refusals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, counts: Mapping[Cause, int], hour: int) -> None:
        """Add counts to an hour, in an order that two processes share."""
        await self._database.apply(
            *[Write(_ADD, (hour, *cause, counts[cause])) for cause in sorted(counts)], durable=False
        )

    async def read(self, since: int) -> Sequence[Hour]:
        """Read the hours after one."""
        rows = await self._database.fetch(_READ, since)
        return [Hour(Cause(*cause), hour, count) for *cause, hour, count in rows]

    async def read_highest(self, since: int, before: int) -> Mapping[Cause, int]:
        """Read the highest count of an hour of that time."""
        rows = await self._database.fetch(_HIGHEST, since, before)
        return {Cause(*cause): count for *cause, count in rows}

    async def read_told(self) -> Mapping[Cause, str]:
        """Read the ids of what was told and is not over."""
        return {Cause(*cause): name for *cause, name in await self._database.fetch(_TOLD)}

    async def tell(self, cause: Cause, name: str, event: Write) -> bool:
        """Write the event that something began, unless it was told."""
        return await self._database.decide(Write(_TELL, (name, *cause)), event) is not None

    async def end(self, name: str, event: Write) -> bool:
        """Write the event that it is over, unless that was told."""
        return await self._database.decide(Write(_END, (name,)), event) is not None

    async def forget(self, before: int) -> None:
        """Remove the hours before one."""
        await self._database.apply(Write(_FORGET, (before,)), durable=False)
