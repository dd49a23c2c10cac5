"""A step-ca that keeps its tables in MySQL or MariaDB, read in one transaction, so that all is of one time."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Self

from newel.runtime.work import run_in_thread
from newel.standalone.takeover.source import Entry, SourceError

_PAGE = 500
_DSN = re.compile(
    r"(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?"
    r"(?:(?P<network>[a-z]+)(?:\((?P<address>[^)]*)\))?)?/(?P<database>[^?]*)(?:\?.*)?"
)


class Target(NamedTuple):
    """Where a server is, and who connects to which database."""

    user: str
    password: str
    host: str
    port: int
    socket: str
    database: str


def parse_dsn(text: str) -> Target:
    """Parse ``user:password@tcp(host:port)/database`` or ``…@unix(path)/…``. Raises SourceError."""
    found = _DSN.fullmatch(text)
    if found is None or found["network"] not in (None, "tcp", "unix"):
        raise SourceError(
            "MySQL: SOURCE is written as step-ca's ca.json has it: user:password@tcp(host:port)/database"
        )
    address = found["address"] or "127.0.0.1:3306"
    unix = found["network"] == "unix"
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "3306")
    if not unix and not port.isdecimal():
        raise SourceError(f"MySQL: '{port[:16]}' is no port")
    return Target(
        found["user"] or "root",
        found["password"] or "",
        "" if unix else host.strip("[]"),
        0 if unix else int(port),
        address if unix else "",
        found["database"],
    )


class MySQLSource:
    """Tables with the columns ``nkey`` and ``nvalue``."""

    def __init__(self, connection: Any, tables: frozenset[str]) -> None:
        self._connection = connection
        self._tables = tables
        self._alone = (
            asyncio.Lock()
        )  # two tables are read at once, and a connection answers one question

    @classmethod
    async def connect(cls, dsn: str, database: str, password: str | None) -> Self:
        """Connect; ``database`` and ``password`` replace what the DSN says. Raises SourceError."""
        try:
            import pymysql
        except ImportError:
            raise SourceError(
                "MySQL: its driver is not installed: pip install 'newel-standalone[mysql]'"
            ) from None
        target = parse_dsn(dsn)
        where: dict[str, Any] = (
            {"unix_socket": target.socket}
            if target.socket
            else {"host": target.host, "port": target.port}
        )
        try:
            connection: Any = await run_in_thread(
                lambda: pymysql.connect(
                    user=target.user, password=target.password if password is None else password,
                    database=database or target.database, connect_timeout=10, **where,
                )
            )  # fmt: skip # a call
        except pymysql.err.Error as error:
            raise SourceError(f"MySQL: {error}") from None
        own = cls(connection, frozenset())
        await own._ask("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await own._ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        rows = await own._ask(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'nkey' AND table_schema = database()"
        )
        tables = frozenset(str(row[0]) for row in rows)
        if not tables:
            raise SourceError(
                "MySQL: there are no tables of step-ca here; name its database by --database"
            )
        return cls(connection, tables)

    async def count(self, table: str) -> int:
        """Count the rows of a table."""
        if table not in self._tables:
            return 0
        return int((await self._ask(f"SELECT count(*) FROM `{table}`"))[0][0])  # noqa: S608 - our names

    async def rows(self, table: str) -> AsyncIterator[Entry]:
        """Iterate over a table, page by page."""
        if table not in self._tables:
            return
        last = b""
        while True:
            page = await self._ask(
                f"SELECT nkey, nvalue FROM `{table}` WHERE nkey > %s ORDER BY nkey LIMIT {_PAGE}",  # noqa: S608
                (last,),
            )
            for key, value in page:
                yield Entry(bytes(key), bytes(value or b""))
            if len(page) < _PAGE:
                return
            last = bytes(page[-1][0])

    def sort_key(self, key: bytes) -> bytes:
        """Return the key: octets are compared."""
        return key

    async def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _ask(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that answer a query. Raises SourceError."""
        import pymysql

        def run() -> list[tuple[Any, ...]]:
            with self._connection.cursor() as cursor:
                cursor.execute(query, values or None)
                return list(cursor.fetchall())

        async with self._alone:
            try:
                return await run_in_thread(run)
            except pymysql.err.Error as error:
                raise SourceError(f"MySQL: {error}") from None
