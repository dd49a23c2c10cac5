"""A pool of a few PostgreSQL connections.

The driver's own pool spends as long on handing out a connection as the server spends on an insert, most
of it on resetting sessions, whose state no statement of a service changes.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from newel.runtime.database.unit import unavailable_error
from newel.runtime.errors import ErrorType, NewelError

_ACQUIRE_SECONDS = 10.0
"""Seconds a caller waits for a connection at most."""


class Connections:
    """A pool of up to ``size`` connections, opened when they are needed and kept."""

    def __init__(self, open_one: Callable[[], Awaitable[Any]], size: int) -> None:
        self._open = open_one
        self._free = asyncio.Semaphore(size)
        self._size = size
        self._idle: list[Any] = []
        self._closed = False

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        """Hand out a connection for an ``async with`` block.

        What makes it unusable is raised as ``unavailable``, and a text that PostgreSQL cannot store as
        ``malformed``. A connection whose user was interrupted in mid-statement is not used again.
        """
        try:
            connection = await self._acquire()
        except (OSError, TimeoutError) as error:
            raise unavailable_error(error) from error
        try:
            yield connection
        except BaseException as error:
            if _is_interrupted(error):
                connection.terminate()
            if _is_server_fault(error, lost=connection.is_closed()):
                raise unavailable_error(error) from error
            if _is_text_fault(error):
                raise NewelError(
                    ErrorType.MALFORMED,
                    "a text has the character U+0000, which cannot be stored",
                    cause=str(error),
                ) from error
            raise
        finally:
            self._release(connection)

    async def _acquire(self) -> Any:
        """Return a connection, to be released. Raises OSError or TimeoutError when there is none."""
        if self._closed:
            raise ConnectionError("the connections are closed")
        if self._free.locked():
            async with asyncio.timeout(_ACQUIRE_SECONDS):
                await self._free.acquire()
        else:
            await self._free.acquire()  # immediate
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():  # the server may have closed it meanwhile
                return connection
        try:
            return await self._open()
        except BaseException:
            self._free.release()
            raise

    def _release(self, connection: Any) -> None:
        """Hand a connection back."""
        if not connection.is_closed():
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        """Wait until every connection is released and close them all."""
        if not self._closed:
            self._closed = True
            for _ in range(self._size):
                await self._free.acquire()
        while self._idle:
            await self._idle.pop().close()


def _is_interrupted(error: BaseException) -> bool:
    """Tell whether the connection was left in the middle of a statement.

    So it is too when the driver lost track of the protocol because the server vanished mid-answer.
    """
    import asyncpg

    return isinstance(error, asyncio.CancelledError | TimeoutError | asyncpg.InternalClientError)


def _is_text_fault(error: BaseException) -> bool:
    """Tell whether a text has a NUL, which SQLite stores and PostgreSQL does not."""
    import asyncpg

    return isinstance(error, asyncpg.CharacterNotInRepertoireError)


def _is_server_fault(error: BaseException, *, lost: bool) -> bool:
    """Tell whether the server or the network failed, and not the statement.

    That includes a server that lost the service's tables or rights, or is a replica that takes no writes.
    """
    import asyncpg

    if isinstance(error, asyncpg.InterfaceError):
        return lost  # otherwise a wrong number of parameters, for instance: the caller's fault
    return isinstance(
        error,
        OSError
        | TimeoutError
        | asyncpg.InternalClientError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError
        | asyncpg.InsufficientResourcesError
        | asyncpg.CannotConnectNowError
        | asyncpg.UndefinedTableError
        | asyncpg.InsufficientPrivilegeError
        | asyncpg.ReadOnlySQLTransactionError
        | asyncpg.PostgresSystemError
        | asyncpg.DataCorruptedError
        | asyncpg.IndexCorruptedError,
    )
