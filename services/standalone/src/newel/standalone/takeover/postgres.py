"""A step-ca that keeps its tables in PostgreSQL, read in one transaction, so that all of it is of one time."""

import contextlib
from collections.abc import AsyncIterator, Generator
from typing import Any, Self

import asyncpg

from newel.standalone.takeover.source import Entry, SourceError

_PREFETCH = 500
connect: Any = getattr(asyncpg, "connect")  # noqa: B009 - the library's own type is incomplete


class PostgresSource:
    """Tables with the columns ``nkey`` and ``nvalue``."""

    def __init__(self, connection: Any, tables: frozenset[str]) -> None:
        self._connection = connection
        self._tables = tables

    @classmethod
    async def connect(cls, dsn: str, database: str, password: str | None) -> Self:
        """Connect; ``database`` and ``password`` replace what the DSN says. Raises SourceError."""
        with _source_errors():
            connection: Any = await connect(
                dsn, database=database or None, password=password, timeout=10
            )
            await connection.transaction(isolation="repeatable_read", readonly=True).start()
            rows = await connection.fetch(
                "SELECT table_name FROM information_schema.columns"
                " WHERE column_name = 'nkey' AND table_schema = ANY (current_schemas(false))"
            )
        tables = frozenset(str(row[0]) for row in rows)
        if not tables:
            await connection.close()
            raise SourceError(
                "PostgreSQL: there are no tables of step-ca here; name its database by --database"
            )
        return cls(connection, tables)

    async def count(self, table: str) -> int:
        """Count the rows of a table."""
        if table not in self._tables:
            return 0
        with _source_errors():
            return int(await self._connection.fetchval(f'SELECT count(*) FROM "{table}"'))  # noqa: S608 - our names

    async def rows(self, table: str) -> AsyncIterator[Entry]:
        """Iterate over a table."""
        if table not in self._tables:
            return
        query = f'SELECT nkey, nvalue FROM "{table}" ORDER BY nkey'  # noqa: S608 - our names
        with _source_errors():
            async for row in self._connection.cursor(query, prefetch=_PREFETCH):
                yield Entry(bytes(row[0]), bytes(row[1] or b""))

    def sort_key(self, key: bytes) -> bytes:
        """Return the key: octets are compared."""
        return key

    async def close(self) -> None:
        """Close the connection, and with it the transaction."""
        await self._connection.close()


@contextlib.contextmanager
def _source_errors() -> Generator[None]:
    """Raise SourceError for what the driver raises."""
    try:
        yield
    except (
        OSError,
        ValueError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # its word came before the next question, or amid an answer
    ) as error:
        raise SourceError(f"PostgreSQL: {error}") from None
