"""PostgreSQL with commits in groups: units that pile up while a batch is out share a transaction.

Gates and writes of the same text travel as one pipelined message each, so that a batch of any size
takes as many round trips as its units have different statements.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, Self

from newel.runtime.coalescer import Coalescer
from newel.runtime.database import Row, Statement, Write
from newel.runtime.errors import NewelError
from newel.runtime.pipelines import transact
from newel.runtime.units import Unit, answers, unavailable

_LARGEST_GROUP = 128
_GROUPS_OUT = 2
_CONNECTIONS = 6
_SECONDS_PER_STATEMENT = 30
_TRIES = 5


class PostgresDatabase:
    """One schema of one database, through a small pool. Made by ``connect``."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._writes = Coalescer(self._commit, out=_GROUPS_OUT, largest=_LARGEST_GROUP)

    @classmethod
    async def connect(cls, dsn: str, schema: str = "public", password: str | None = None) -> Self:
        """Connects; NewelError ``unavailable`` when the server is not there or refuses."""
        import asyncpg

        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=_CONNECTIONS,
                password=password,
                timeout=10,
                command_timeout=_SECONDS_PER_STATEMENT,
                statement_cache_size=512,
                max_cached_statement_lifetime=0,
                reset=_keep,
                server_settings={
                    "search_path": schema,
                    "application_name": f"newel-{schema}",
                    "timezone": "UTC",
                },
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise unavailable(error) from error
        return cls(pool)

    @property
    def dialect(self) -> Literal["postgresql"]:
        """It is PostgreSQL."""
        return "postgresql"

    async def fetch(self, statement: Statement, *params: Any) -> list[Row]:
        """Every row of a query."""
        async with self._connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement.text, *params)]

    async def fetch_many(self, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> list[Row]:
        """The rows of one query asked with many parameter tuples, in one round trip."""
        if not rows:
            return []
        async with self._connection() as connection:
            return [tuple(row) for row in await connection.fetchmany(statement.text, rows)]

    async def decide(self, gate: Write, *then: Write, durable: bool = True) -> Row | None:
        """See ``Database.decide``; always durable, as ``apply`` is."""
        del durable
        return await self._unit(gate, then)

    async def decide_all(self, units: Sequence[tuple[Write, ...]]) -> list[Row | None]:
        """See ``Database.decide_all``."""
        loop = asyncio.get_running_loop()
        return await answers([loop.create_task(self._unit(unit[0], unit[1:])) for unit in units])

    async def apply(self, *writes: Write, durable: bool = True) -> None:
        """See ``Database.apply``; always durable, for a group's commit is one flush anyway."""
        del durable
        await self._unit(None, writes)

    async def close(self) -> None:
        """Finishes what is queued and closes the connections."""
        async with asyncio.timeout(_SECONDS_PER_STATEMENT):
            await self._idle.wait()
            await self._pool.close()

    async def _unit(self, gate: Write | None, then: tuple[Write, ...]) -> Row | None:
        unit = Unit(gate, then, asyncio.get_running_loop().create_future())
        self._pending += 1
        self._idle.clear()
        try:
            self._writes.call(unit)
            return await unit.done
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()

    async def _commit(self, units: list[Unit]) -> Sequence[None]:
        """Runs one batch. Units learn how they ended by themselves, so this never raises."""
        try:
            if len(units) > 1 and await self._together(units):
                return [None] * len(units)
            for unit in units:
                await self._alone(unit)
        except asyncio.CancelledError:
            for unit in units:
                unit.done.cancel()
            raise
        return [None] * len(units)

    async def _together(self, units: list[Unit]) -> bool:
        """All units in one transaction; False, with nothing done, when any of them raises."""
        try:
            async with self._connection() as connection:
                await transact(connection, units)
        except Exception as error:  # noqa: BLE001 - each unit, run alone, will say which and why
            if not isinstance(error, NewelError):
                return False
            for unit in units:
                unit.fail(error)
            return True
        for unit in units:
            unit.succeed()
        return True

    async def _alone(self, unit: Unit) -> None:
        """One unit in its own transaction, again when it was the victim of a deadlock."""
        import asyncpg

        for attempt in range(1, _TRIES + 1):
            try:
                async with self._connection() as connection:
                    await transact(connection, [unit])
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
                if attempt == _TRIES:
                    unit.fail(unavailable(error))
            except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
                unit.fail(error)
                return
            else:
                unit.succeed()
                return

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        """A connection of the pool; what makes it unusable becomes ``unavailable``."""
        import asyncpg

        lost = False
        try:
            async with self._pool.acquire(timeout=10) as connection:
                try:
                    yield connection
                finally:
                    lost = _is_lost(connection)
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresConnectionError,
            asyncpg.OperatorInterventionError,
            asyncpg.InsufficientResourcesError,
            asyncpg.CannotConnectNowError,
        ) as error:
            raise unavailable(error) from error
        except asyncpg.InterfaceError as error:
            if lost or self._pool.is_closing():
                raise unavailable(error) from error
            raise  # a statement with the wrong number of parameters, say: our fault


def _is_lost(connection: Any) -> bool:
    import asyncpg

    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True  # the pool has taken it back already


async def _keep(_connection: Any) -> None:
    """No reset between users: nobody leaves anything behind, and it would be a round trip."""
