"""SQLite with group commit, inside the event loop.

Units that arrive in consecutive turns of the loop share one transaction. A thread would cost more in
hand-offs than the commit itself; what takes long, the checkpoints of the write-ahead log, has a thread
and a connection of its own.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from errno import ENOENT
from pathlib import Path
from typing import Any, Literal

from newel.runtime.database.checkpoints import Checkpoints
from newel.runtime.database.contract import Row, Statement, Write
from newel.runtime.database.unit import Unit, gather_rows, unavailable_error
from newel.runtime.errors import NewelError

_LARGEST_GROUP = 256
_TURNS_TO_GATHER = 4
_BUSY_FOR_AT_MOST = 10.0
_TRY_AGAIN_AFTER = 0.0005

# What a statement can raise: SQLite's errors and those of parameters it cannot take.
_FAULTS = (sqlite3.Error, ArithmeticError, TypeError, ValueError)


class SQLiteDatabase:
    """One file. Several processes may have it open: each takes the write lock for one group."""

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        """Open the file and create it, readable by its owner alone, where it is missing.

        ``durable=False``: no commit waits for the disk, for a database that can be rebuilt.
        Must be called in the thread of the event loop. Raises OSError and sqlite3.Error.
        """
        self._path = Path(path)
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        opened = os.fstat(descriptor)
        os.close(descriptor)
        self._identity = opened.st_dev, opened.st_ino
        self._connection = sqlite3.connect(
            self._path, isolation_level=None, cached_statements=512, timeout=30
        )
        for pragma in (
            "journal_mode=WAL",  # waits (up to ``timeout``) for a process that opens it right now
            "synchronous=FULL",
            "busy_timeout=0",  # SQLite would sleep; this loop has other requests to serve
            "wal_autocheckpoint=0",
            "foreign_keys=ON",
            "cache_size=-16000",
            "temp_store=MEMORY",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._checkpoints = Checkpoints(self._path, self._connection)
        self._durable = durable
        self._full = True
        self._queue: list[Unit] = []
        self._scheduled = False
        self._busy_since: float | None = None
        self._suspects = 0  # units at the head of the queue of which one raised
        self._closed = False

    @property
    def dialect(self) -> Literal["sqlite"]:
        """The name of this engine."""
        return "sqlite"

    async def fetch(self, statement: Statement, *params: Any) -> list[Row]:
        """Fetch every row of a query."""
        return await self._read(
            lambda: self._connection.execute(statement.sqlite, params).fetchall()
        )

    async def fetch_many(self, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> list[Row]:
        """Fetch the rows of one query run with many parameter tuples."""
        execute, text = self._connection.execute, statement.sqlite
        return await self._read(lambda: [row for params in rows for row in execute(text, params)])

    async def _read(self, query: Callable[[], list[Row]]) -> list[Row]:
        """Run a query; it waits only for a process that is opening or closing the log."""
        if self._closed:
            raise _closed_error()
        end: float | None = None
        while True:
            try:
                return query()
            except sqlite3.DatabaseError as error:
                now = asyncio.get_running_loop().time()
                end = end or now + _BUSY_FOR_AT_MOST
                if not _is_busy(error) or now > end:
                    raise self._to_unavailable(error) from error
            await asyncio.sleep(_TRY_AGAIN_AFTER)

    async def decide(self, gate: Write, *then: Write, durable: bool = True) -> Row | None:
        """Implement ``Database.decide``."""
        return await self._enqueue(gate, then, durable=durable)

    async def decide_all(self, units: Sequence[tuple[Write, ...]]) -> list[Row | None]:
        """Implement ``Database.decide_all``."""
        return await gather_rows([self._enqueue(unit[0], unit[1:]) for unit in units])

    async def apply(self, *writes: Write, durable: bool = True) -> None:
        """Implement ``Database.apply``."""
        await self._enqueue(None, writes, durable=durable)

    async def close(self) -> None:
        """Finish what is queued, empty the log into the file and close it."""
        if self._closed:
            return
        self._closed = True
        while self._queue:
            self._flush()
            await asyncio.sleep(0)
        await self._checkpoints.close()
        self._connection.close()

    def _enqueue(
        self, gate: Write | None, then: tuple[Write, ...], *, durable: bool = True
    ) -> asyncio.Future[Row | None]:
        if self._closed:
            raise _closed_error()
        loop = asyncio.get_running_loop()
        unit = Unit(gate, then, loop.create_future(), durable=durable and self._durable)
        self._queue.append(unit)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._gather, 0, _TURNS_TO_GATHER)
        return unit.done

    def _gather(self, seen: int, turns: int) -> None:
        """Commit once a turn of the loop has brought nothing more.

        Requests that the network delivered together take some turns to get here. A turn costs a lone
        unit microseconds; a commit saved is worth a hundred.
        """
        size = len(self._queue)
        if size > seen and turns:
            asyncio.get_running_loop().call_soon(self._gather, size, turns - 1)
        else:
            self._flush()

    def _flush(self) -> None:
        """Commit the queue, or a first part of it, as one transaction."""
        self._scheduled = False
        size = self._suspects or _LARGEST_GROUP
        group, self._queue = self._queue[:size], self._queue[size:]
        if not group:
            return
        try:
            self._require_file()
            self._sync(full=any(unit.durable for unit in group))
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._requeue(group, error)
            return
        except (OSError, sqlite3.DatabaseError) as error:
            for unit in group:
                unit.fail(self._to_unavailable(error))
            self._flush_soon()
            return
        self._busy_since = None
        try:
            self._run(group)
        finally:
            self._flush_soon()
        self._checkpoints.note_commit()

    def _to_unavailable(self, error: BaseException) -> BaseException:
        """Turn a full disk, a lasting lock or a missing file into ``unavailable``: the file may recover."""
        unavailable = isinstance(error, OSError) or (
            isinstance(error, sqlite3.DatabaseError)
            and getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE_CODES
        )
        return unavailable_error(error, str(self._path)) if unavailable else error

    def _flush_soon(self) -> None:
        if self._queue:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _require_file(self) -> None:
        """Raise OSError unless the name still leads to the file that is open.

        A file that was removed or replaced still takes writes, and they are all lost.
        """
        found = self._path.stat()
        if (found.st_dev, found.st_ino) != self._identity:
            raise FileNotFoundError(ENOENT, "another file has taken its place", str(self._path))

    def _sync(self, *, full: bool) -> None:
        """Make the next commit wait for the disk, or leave that to a later one."""
        if full is not self._full:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full

    def _requeue(self, group: list[Unit], error: sqlite3.OperationalError) -> None:
        """Put a group back while another process writes, without blocking the loop."""
        loop = asyncio.get_running_loop()
        self._busy_since = self._busy_since or loop.time()
        if _is_busy(error) and loop.time() - self._busy_since < _BUSY_FOR_AT_MOST:
            self._queue[:0] = group
        else:
            self._busy_since, self._suspects = None, 0
            for unit in group:
                unit.fail(self._to_unavailable(error))
        if self._queue:
            self._scheduled = True
            loop.call_later(_TRY_AGAIN_AFTER, self._flush)

    def _run(self, group: list[Unit]) -> None:
        """Execute a group in the transaction that has begun, and end it."""
        execute = self._connection.execute
        suspects, self._suspects = self._suspects, 0
        try:
            if suspects:
                group = self._one_by_one(group)
            else:
                try:
                    for unit in group:
                        self._execute(unit)
                except _FAULTS:
                    # One of them is at fault: in the next turn each is undone by itself when it raises.
                    self._roll_back()
                    self._queue[:0], self._suspects = group, len(group)
                    return
            execute("COMMIT")
        except BaseException as error:  # a full disk, an interrupt: nothing of the group happened
            self._roll_back()
            for unit in group:
                unit.fail(self._to_unavailable(error))
            if not isinstance(error, Exception):
                raise
        else:
            for unit in group:
                unit.succeed()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # a full disk has ended it already
            self._connection.execute("ROLLBACK")

    def _one_by_one(self, group: list[Unit]) -> list[Unit]:
        """Run each unit in a savepoint; fail those that raise and return the others."""
        execute = self._connection.execute
        good: list[Unit] = []
        for unit in group:
            execute("SAVEPOINT unit")
            try:
                self._execute(unit)
            except _FAULTS as error:
                if not self._connection.in_transaction:
                    raise  # the transaction is gone, with what the others did
                execute("ROLLBACK TO unit")
                unit.fail(self._to_unavailable(error))
            else:
                good.append(unit)
            execute("RELEASE unit")
        return good

    def _execute(self, unit: Unit) -> None:
        execute = self._connection.execute
        gate = unit.gate
        if gate is not None:
            rows = execute(gate.statement.sqlite, gate.params).fetchall()
            unit.row = rows[0] if rows else None
            if not rows:
                return
        for write in unit.then:
            execute(write.statement.sqlite, write.params)


def _closed_error() -> NewelError:
    return unavailable_error(ConnectionError("the database is closed"))


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }


_UNAVAILABLE_CODES = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )
)
"""Codes that say that the file cannot be used now, and nothing about the statement."""
