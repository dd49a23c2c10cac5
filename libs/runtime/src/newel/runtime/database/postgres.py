"""PostgreSQL with group commit: units that arrive while a batch is in flight share a transaction.

Gates and writes of the same text travel as one pipelined message each, and inserts travel with their
gate: a batch of any size takes few round trips, mostly one.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Self

from newel.runtime.coalescer import Coalescer
from newel.runtime.database.combine import combine_with_gate
from newel.runtime.database.connections import Connections
from newel.runtime.database.contract import Row, Statement, Write
from newel.runtime.database.pipelines import transact
from newel.runtime.database.unit import Unit, gather_rows, unavailable_error
from newel.runtime.errors import ErrorType, NewelError

_LARGEST_GROUP = 128
_GROUPS_IN_FLIGHT = 2
_CONNECTIONS = 6
_SECONDS_PER_STATEMENT = 30
_TRIES = 5


class PostgresDatabase:
    """One schema of one database, through a few connections, built by ``connect``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._writes = Coalescer(
            self._commit, max_in_flight=_GROUPS_IN_FLIGHT, max_batch=_LARGEST_GROUP
        )

    @classmethod
    async def connect(cls, dsn: str, schema: str = "public", password: str | None = None) -> Self:
        """Connect. Raises NewelError ``unavailable`` when the server is unreachable or refuses."""
        settings = {
            "search_path": schema,
            "application_name": f"newel-{schema}",
            "timezone": "UTC",
        }
        open_one = partial(_open_connection, dsn, password=password, server_settings=settings)
        database = cls(Connections(open_one, _CONNECTIONS))
        async with database._connections.connection():
            return database

    @property
    def dialect(self) -> Literal["postgresql"]:
        """The name of this engine."""
        return "postgresql"

    async def fetch(self, statement: Statement, *params: Any) -> list[Row]:
        """Fetch every row of a query."""
        async with self._connections.connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement.text, *params)]

    async def fetch_many(self, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> list[Row]:
        """Fetch the rows of one query run with many parameter tuples, in one round trip."""
        if not rows:
            return []
        async with self._connections.connection() as connection:
            return [tuple(row) for row in await connection.fetchmany(statement.text, rows)]

    async def decide(self, gate: Write, *then: Write, durable: bool = True) -> Row | None:
        """Implement ``Database.decide``; always durable, as ``apply`` is."""
        del durable
        return await self._submit(gate, then)

    async def decide_all(self, units: Sequence[tuple[Write, ...]]) -> list[Row | None]:
        """Implement ``Database.decide_all``."""
        return await gather_rows([self._submit(unit[0], unit[1:]) for unit in units])

    async def apply(self, *writes: Write, durable: bool = True) -> None:
        """Implement ``Database.apply``; always durable, because a group's commit is one flush anyway."""
        del durable
        await self._submit(None, writes)

    async def close(self) -> None:
        """Finish what is queued and close the connections."""
        async with asyncio.timeout(_SECONDS_PER_STATEMENT):
            await self._idle.wait()
            await self._connections.close()

    def _submit(self, gate: Write | None, then: tuple[Write, ...]) -> "asyncio.Future[Row | None]":
        if gate is not None:
            gate, then = combine_with_gate(gate, then)
        unit = Unit(gate, then, asyncio.get_running_loop().create_future())
        self._pending += 1
        self._idle.clear()
        unit.done.add_done_callback(self._note_end)
        self._writes.call(unit)
        return unit.done

    def _note_end(self, _done: "asyncio.Future[Row | None]") -> None:
        self._pending -= 1
        if not self._pending:
            self._idle.set()

    async def _commit(self, units: list[Unit]) -> Sequence[None]:
        """Run one batch. Each unit's future has its outcome, so this never raises."""
        shared: list[Unit] = []
        apart: list[Unit] = []
        for unit in units:
            is_alone = unit.gate is not None and unit.gate.statement.alone
            (apart if is_alone else shared).append(unit)
        try:
            if len(shared) < 2 or not await self._run_together(shared):
                apart += shared
            for unit in apart:
                await self._run_alone(unit)
        except asyncio.CancelledError:
            for unit in units:
                unit.done.cancel()
            raise
        return [None] * len(units)

    async def _run_together(self, units: list[Unit]) -> bool:
        """Run all units in one transaction; return False, with nothing done, when any of them raises."""
        try:
            async with self._connections.connection() as connection:
                await transact(connection, units)
        except Exception as error:  # noqa: BLE001 - each unit, run alone, shows which and why
            if not isinstance(error, NewelError) or error.type is not ErrorType.UNAVAILABLE:
                return False
            for unit in units:
                unit.fail(error)
            return True
        for unit in units:
            unit.succeed()
        return True

    async def _run_alone(self, unit: Unit) -> None:
        """Run one unit in its own transaction, again when it was the victim of a deadlock."""
        import asyncpg

        for attempt in range(1, _TRIES + 1):
            try:
                async with self._connections.connection() as connection:
                    await transact(connection, [unit])
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
                if attempt == _TRIES:
                    unit.fail(unavailable_error(error))
            except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
                unit.fail(error)
                return
            else:
                unit.succeed()
                return


async def _open_connection(dsn: str, **settings: Any) -> Any:
    """Open a connection. Raises NewelError ``unavailable``."""
    import asyncpg

    try:
        return await asyncpg.connect(
            dsn,
            timeout=10,
            command_timeout=_SECONDS_PER_STATEMENT,
            statement_cache_size=512,
            max_cached_statement_lifetime=0,
            **settings,
        )
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # the server vanished in the middle of an answer
    ) as error:
        raise unavailable_error(error) from error
