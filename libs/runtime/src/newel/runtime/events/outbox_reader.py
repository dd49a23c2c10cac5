"""Reading an outbox in the order of commits, each event at least once, from a durable cursor."""

import asyncio
import logging
from collections.abc import Sequence

from newel.runtime.background import FIRST_PAUSE, add_jitter
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.runtime.events.backlog import CURSOR
from newel.runtime.events.contract import Event
from newel.runtime.events.metrics import Deliver
from newel.runtime.outages import Outage

_log = logging.getLogger("newel.runtime.events.contract")

LARGEST_BATCH = 256
LOOKS_EVERY = 0.2
"""Seconds until a reader looks again: other processes commit without waking this one."""

GATHERS_FOR = 0.1
"""Seconds a reader lets events gather after a batch that was not full: one commit for many."""

LONGEST_PAUSE = 5.0
"""Seconds between attempts at most: how late events are after an outage."""

_SWEPT_AT_ONCE = 500

_COLUMNS = "transaction_id, id, event, subject, payload, at"
_READ = {
    # One writer at a time: ids are in the order of commits. The first parameter is unused here.
    "sqlite": Statement(
        f"SELECT {_COLUMNS} FROM outbox WHERE $1 >= 0 AND id > $2 ORDER BY id LIMIT $3"  # noqa: S608 - our own text
    ),
    # Only events that no transaction still under way can precede.
    "postgresql": Statement(
        f"SELECT {_COLUMNS} FROM outbox WHERE (transaction_id, id) > ($1, $2) AND transaction_id"  # noqa: S608 - our own text
        " < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
        " ORDER BY transaction_id, id LIMIT $3"
    ),
}
_ADVANCE = Statement(
    "INSERT INTO outbox_cursors (consumer, transaction_id, position) VALUES ($1, $2, $3)"
    " ON CONFLICT (consumer) DO UPDATE SET"
    " transaction_id = excluded.transaction_id, position = excluded.position"
)
_OLDEST = Statement("SELECT at, transaction_id, id FROM outbox ORDER BY id LIMIT 1")
_SWEEP = Statement(
    "DELETE FROM outbox WHERE id IN (SELECT id FROM"
    " (SELECT id, transaction_id, at FROM outbox ORDER BY id LIMIT $4) AS oldest"
    " WHERE at < $1 AND (transaction_id < $2 OR (transaction_id = $2 AND id <= $3)))"
    # The last row keeps SQLite counting upwards.
    " AND id < (SELECT max(id) FROM outbox)"
)


class OutboxReader:
    """One consumer's place in one outbox."""

    def __init__(self, database: Database, consumer: str) -> None:
        self._database = database
        self._read = _READ[database.dialect]
        self._consumer = consumer
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Make the reader look now."""
        self._woken.set()

    async def follow(self, deliver: Deliver) -> None:
        """Deliver what there is and what comes, in batches, until cancelled.

        What ``deliver`` or the database raises is logged and the same batch delivered again, after
        pauses that grow to five seconds.
        """
        pause = FIRST_PAUSE
        position: tuple[int, int] | None = None
        outage = Outage(_log, f"delivery to {self._consumer}", consumer=self._consumer)
        while True:
            try:
                position = await self._step(deliver, position)
            except Exception as error:  # noqa: BLE001 - whatever it was, the events have to be delivered
                outage.note_failure(error)
                position = None
                await asyncio.sleep(add_jitter(pause))
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                outage.note_recovery()

    async def _step(self, deliver: Deliver, position: tuple[int, int] | None) -> tuple[int, int]:
        if position is None:
            rows = await self._database.fetch(CURSOR, self._consumer)
            position = (rows[0][0], rows[0][1]) if rows else (0, 0)
        self._woken.clear()
        rows = await self._database.fetch(self._read, *position, LARGEST_BATCH)
        if rows:
            await deliver([_event(row) for row in rows])
            position = (rows[-1][0], rows[-1][1])
            # A cursor lost in a power failure means the same events once more, nothing worse.
            advance = Write(_ADVANCE, (self._consumer, *position))
            await self._database.apply(advance, durable=False)
        if not rows:
            await self._wait_for_wake()
        elif len(rows) < LARGEST_BATCH:
            await asyncio.sleep(GATHERS_FOR)
        return position

    async def _wait_for_wake(self) -> None:
        timer = asyncio.get_running_loop().call_later(LOOKS_EVERY, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()


def _event(row: Row) -> Event:
    return Event(id=row[2], subject=row[3], payload=row[4], at=row[5])


async def sweep(database: Database, consumers: Sequence[str], clock: Clock, kept: int) -> None:
    """Delete a bounded number of events older than ``kept`` seconds that every consumer has had."""
    before = int(clock.unix()) - kept
    had: tuple[int, int] = (1 << 62, 1 << 62)
    for consumer in consumers:
        rows = await database.fetch(CURSOR, consumer)
        had = min(had, (rows[0][0], rows[0][1]) if rows else (0, 0))
    for _ in range(20):
        oldest = await database.fetch(_OLDEST)
        if not oldest or oldest[0][0] >= before or oldest[0][1:] > had:
            return
        await database.apply(Write(_SWEEP, (before, *had, _SWEPT_AT_ONCE)))
