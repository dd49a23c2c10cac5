"""A few PostgreSQL connections, lent one user at a time.

The driver's own pool takes as long to lend a connection and to take it back as the server takes for an
insert; most of that is for what nobody here does: leave something behind in a session.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

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

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[Any]:
        """A connection for the length of the block.

        One whose user was interrupted in the middle of something is not lent again. Raises
        TimeoutError when none came free in time, ConnectionError after ``close``.
        """
        if self._closed:
            raise ConnectionError("the connections are closed")
        async with asyncio.timeout(_PATIENCE):
            await self._free.acquire()
        try:
            connection = await self._take()
            try:
                yield connection
            except (asyncio.CancelledError, TimeoutError):
                connection.terminate()
                raise
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Waits for every user and closes all."""
        if not self._closed:
            self._closed = True
            for _ in range(self._most):
                await self._free.acquire()
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():  # the server may have ended it meanwhile
                return connection
        return await self._open()
