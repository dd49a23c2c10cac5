"""SQLite's write-ahead log carried into the database file, off the request path."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from newel.runtime.outages import Outage
from newel.runtime.work import submit_to_thread

_log = logging.getLogger("newel.runtime.database.sqlite")

_EVERY = 1.0
_LONG_LOG = 16_384  # pages: 64 MiB, after which the loop checkpoints itself


class Checkpoints:
    """A second connection that checkpoints in a thread, once a second while there are commits."""

    def __init__(
        self,
        path: Path,
        writer: sqlite3.Connection,
        run_between: Callable[[Callable[[], None]], None],
    ) -> None:
        """``run_between`` runs what uses the writer when no other thread has it."""
        self._path = path
        self._writer = writer
        self._run_between = run_between
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Future[tuple[int, int, int]] | None = None
        self._again = False
        self._outage = Outage(_log, f"the checkpoint of {path.name}")

    def note_commit(self) -> None:
        """Note that the log has grown."""
        if self._running is not None:
            self._again = True
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self._start)

    def _start(self) -> None:
        self._timer = None
        self._running = submit_to_thread(_checkpoint, self._path)
        self._running.add_done_callback(self._note_finish)

    def _note_finish(self, running: asyncio.Future[tuple[int, int, int]]) -> None:
        self._running = None
        if running.cancelled():
            return
        error = running.exception()
        if error is not None:
            self._outage.note_failure(error)
        else:
            self._outage.note_recovery()
            _busy, pages, _done = running.result()
            if pages > _LONG_LOG:
                # Under steady load new pages arrive during every checkpoint and the log would
                # never start over. Those few are copied here, between two groups.
                self._run_between(self._copy_rest)
        if self._again:
            self._again = False
            self.note_commit()

    def _copy_rest(self) -> None:
        self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    async def close(self) -> None:
        """Empty the log; leave it in place where another process is using it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            await asyncio.wait([self._running])
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError as error:
            _log.info("the write-ahead log of %s could not be emptied: %s", self._path.name, error)


def _checkpoint(path: Path) -> tuple[int, int, int]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.1)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        return connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    finally:
        connection.close()
