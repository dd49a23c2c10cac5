"""SQLite with group commit: statements in the event loop, the wait for the disk in a thread.

Units that arrive in consecutive turns of the loop, or while a commit waits for the disk, share one
transaction. Its statements are executed in the loop: a thread would cost more in hand-offs than they take.
A ``COMMIT`` that waits for the disk is handed to a thread, and until it ends the loop serves other
requests and does not touch this connection: queries and further units wait for the end of it, as they
would for their turn. So what a query sees is durable, as far as its unit asked for that. The checkpoints
of the write-ahead log have a thread and a connection of their own.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from errno import ENOENT
from functools import partial
from pathlib import Path
from typing import Any, Literal

from newel.runtime.database.checkpoints import Checkpoints
from newel.runtime.database.contract import Row, Statement, Write
from newel.runtime.database.sqlite_faults import FAULTS, closed_error, is_busy, to_unavailable
from newel.runtime.database.sqlite_file import open_file
from newel.runtime.database.unit import Unit, gather_rows
from newel.runtime.work import ThreadPool

_LARGEST_GROUP = 256
_TURNS_TO_GATHER = 24
_QUIET_TURNS = 6
_BUSY_FOR_AT_MOST = 10.0
_TRY_AGAIN_AFTER = 0.0005


class SQLiteDatabase:
    """One file. Several processes may have it open: each takes the write lock for one group."""

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        """Open the file and create it, readable by its owner alone, where it is missing.

        ``durable=False``: no commit waits for the disk, for a database that can be rebuilt.
        Must be called in the thread of the event loop. Raises OSError and sqlite3.Error.
        """
        self._path = Path(path)
        self._connection, self._identity = open_file(self._path)
        self._checkpoints = Checkpoints(self._path, self._connection, self._run_between)
        self._disk = ThreadPool(1, "commit")
        self._committing = False  # the thread has the connection
        self._waiting: list[Callable[[], None]] = []  # for the end of its commit
        self._to_unavailable = partial(to_unavailable, file=str(self._path))
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
        """Run a query, after the commit that waits for the disk.

        It waits besides only for a process that is opening or closing the log.
        """
        if self._closed:
            raise closed_error()
        end: float | None = None
        while True:
            try:
                return await self._read_between(query) if self._committing else query()
            except sqlite3.DatabaseError as error:
                now = asyncio.get_running_loop().time()
                end = end or now + _BUSY_FOR_AT_MOST
                if not is_busy(error) or now > end:
                    raise self._to_unavailable(error) from error
            await asyncio.sleep(_TRY_AGAIN_AFTER)

    def _read_between(self, query: Callable[[], list[Row]]) -> asyncio.Future[list[Row]]:
        """Run a query at the end of the commit, before anything else of this database."""
        rows: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()

        def read() -> None:
            if rows.done():  # its caller has left
                return
            try:
                rows.set_result(query())
            except Exception as error:  # noqa: BLE001 - its caller's
                rows.set_exception(error)

        self._waiting.append(read)
        return rows

    def _run_between(self, work: Callable[[], None]) -> None:
        """Run what needs the connection: now, or at the end of the commit."""
        if self._committing:
            self._waiting.append(work)
        else:
            work()

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
        while self._queue or self._committing:
            if self._committing:
                await self._read_between(list)
            else:
                self._flush()
                await asyncio.sleep(0)
        self._disk.close()
        await self._checkpoints.close()
        self._connection.close()

    def _enqueue(
        self, gate: Write | None, then: tuple[Write, ...], *, durable: bool = True
    ) -> asyncio.Future[Row | None]:
        if self._closed:
            raise closed_error()
        loop = asyncio.get_running_loop()
        unit = Unit(gate, then, loop.create_future(), durable=durable and self._durable)
        self._queue.append(unit)
        if not self._scheduled and not self._committing:
            self._scheduled = True
            loop.call_soon(self._gather, 0, _TURNS_TO_GATHER)
        return unit.done

    def _gather(self, seen: int, turns: int, quiet: int = 0) -> None:
        """Commit once some turns of the loop have brought nothing more.

        Requests that the network delivered together take some turns to get here, and so do the callers
        whom the last commit answered, with what they store next. A turn costs a lone unit microseconds;
        a commit saved is worth a hundred, and a wait for the disk.
        """
        size = len(self._queue)
        quiet = 0 if size > seen else quiet + 1
        if turns and quiet < _QUIET_TURNS and size < _LARGEST_GROUP:
            asyncio.get_running_loop().call_soon(self._gather, size, turns - 1, quiet)
        else:
            self._flush()

    def _flush(self) -> None:
        """Commit the queue, or a first part of it, as one transaction."""
        self._scheduled = False
        if self._committing:
            return  # its end looks at the queue
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
        good = self._run(group)
        if good is None:
            self._flush_soon()
        elif self._full:
            self._committing = True
            self._disk.hand_over(self._commit, partial(self._end, good))
        else:
            self._end(good, self._commit())

    def _commit(self) -> BaseException | None:
        """Commit what was executed; return what went wrong. Called in the thread, or in the loop."""
        try:
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - a full disk, an interrupt: see ``_end``
            return error
        return None

    def _end(self, group: list[Unit], error: BaseException | None) -> None:
        """Tell the callers what became of their group, serve who waited, and go on with the queue."""
        self._committing = False
        if error is None:
            for unit in group:
                unit.succeed()
        else:
            self._fail(group, error)
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()
        if self._queue and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._gather, 0, _TURNS_TO_GATHER)
        self._checkpoints.note_commit()
        if error is not None and not isinstance(error, Exception):
            raise error

    def _fail(self, group: list[Unit], error: BaseException) -> None:
        """Undo a transaction: nothing of the group happened."""
        self._roll_back()
        for unit in group:
            unit.fail(self._to_unavailable(error))

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
        if is_busy(error) and loop.time() - self._busy_since < _BUSY_FOR_AT_MOST:
            self._queue[:0] = group
        else:
            self._busy_since, self._suspects = None, 0
            for unit in group:
                unit.fail(self._to_unavailable(error))
        if self._queue:
            self._scheduled = True
            loop.call_later(_TRY_AGAIN_AFTER, self._flush)

    def _run(self, group: list[Unit]) -> list[Unit] | None:
        """Execute a group in the transaction that has begun; return what is to be committed of it.

        None: nothing is, and the transaction has ended.
        """
        suspects, self._suspects = self._suspects, 0
        try:
            if suspects:
                return self._one_by_one(group)
            for unit in group:
                self._execute(unit)
        except BaseException as error:
            if not suspects and isinstance(error, FAULTS):
                # One of them is at fault: in the next turn each is undone by itself when it raises.
                self._roll_back()
                self._queue[:0], self._suspects = group, len(group)
            else:
                self._fail(group, error)
            if not isinstance(error, Exception):
                self._flush_soon()
                raise
            return None
        return group

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
            except FAULTS as error:
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
