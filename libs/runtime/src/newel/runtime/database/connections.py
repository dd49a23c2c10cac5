"""A few PostgreSQL connections, lent one user at a time.

The driver's own pool takes as long to lend a connection and to take it back as the server takes for an
insert; most of that is for what nobody here does: leave something behind in a session.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from newel.runtime.database.unit import unavailable_error
from newel.runtime.errors import ErrorType, NewelError

_PATIENCE = 10.0
"""Seconds a user waits for a connection at most."""


class Connections:
    """Up to ``most`` connections, opened when they are needed and kept."""

    def __init__(self, open_one: Callable[[], Awaitable[Any]], most: int) -> None:
        self._open = open_one
        self._free = asyncio.Semaphore(most)
        self._most = most
        self._idle: list[Any] = []
        self._closed = False

    def lent(self) -> "Lent":
        """A connection for the length of an ``async with`` block."""
        return Lent(self)

    async def take(self) -> Any:
        """A connection; ``give_back`` is due. Raises OSError or TimeoutError when there is none."""
        if self._closed:
            raise ConnectionError("the connections are closed")
        if self._free.locked():
            async with asyncio.timeout(_PATIENCE):
                await self._free.acquire()
        else:
            await self._free.acquire()  # at once
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():  # the server may have ended it meanwhile
                return connection
        try:
            return await self._open()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: Any) -> None:
        """Lets others have it."""
        if not connection.is_closed():
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        """Waits for every user and closes all."""
        if not self._closed:
            self._closed = True
            for _ in range(self._most):
                await self._free.acquire()
        while self._idle:
            await self._idle.pop().close()


class Lent:
    """One connection while its user has it. What makes it unusable becomes ``unavailable``, and a text
    that PostgreSQL has no place for ``malformed``.

    One whose user was interrupted in the middle of something is not lent again.
    """

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: Any = None

    async def __aenter__(self) -> Any:
        try:
            self._connection = await self._connections.take()
        except (OSError, TimeoutError) as error:
            raise unavailable_error(error) from error
        return self._connection

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        connection = self._connection
        if error is not None and _is_in_the_middle(error):
            connection.terminate()
        lost = connection.is_closed()
        self._connections.give_back(connection)
        if error is not None and _is_servers(error, lost=lost):
            raise unavailable_error(error) from error
        if error is not None and _is_of_a_text(error):
            raise NewelError(
                ErrorType.MALFORMED,
                "a text has the character U+0000, which cannot be stored",
                cause=str(error),
            ) from error


def _is_in_the_middle(error: BaseException) -> bool:
    """Whether the connection was left in the middle of something, or its driver lost its place there, as
    when the server vanished in mid-answer.
    """
    import asyncpg

    return isinstance(error, asyncio.CancelledError | TimeoutError | asyncpg.InternalClientError)


def _is_of_a_text(error: BaseException) -> bool:
    """Whether a text has a NUL, which SQLite stores and PostgreSQL does not."""
    import asyncpg

    return isinstance(error, asyncpg.CharacterNotInRepertoireError)


def _is_servers(error: BaseException, *, lost: bool) -> bool:
    """Whether the server or the way to it failed, and not what it was asked.

    So it is when it has lost our tables or our rights, or is a copy that takes no writes.
    """
    import asyncpg

    if isinstance(error, asyncpg.InterfaceError):
        return lost  # else a statement with the wrong number of parameters, say: our fault
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
