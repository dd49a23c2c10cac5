"""The outbox: events written with the change they report; and the bus that reads it in one process."""

from collections.abc import Callable, Sequence
from functools import partial

from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock, SystemClock
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.entropy import random_hex
from newel.runtime.events.backlog import read_backlog
from newel.runtime.events.contract import Event, Subscription
from newel.runtime.events.metrics import MEASURED_EVERY, Deliver, EventMetrics
from newel.runtime.events.outbox_reader import OutboxReader, sweep
from newel.runtime.service import Task

_INSERT = Statement("INSERT INTO outbox (event, subject, payload, at) VALUES ($1, $2, $3, $4)")

KEPT = 3600
"""Seconds an event stays in the table after every consumer has had it, for inspection."""

SWEPT_EVERY = 5.0


class TableOutbox:
    """The ``events.Outbox`` on the ``outbox`` table of a service's database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self.database = database
        self.clock = clock or SystemClock()
        self._listeners: list[Callable[[], None]] = []

    def write(self, subject: str, payload: bytes) -> Write:
        """Return the write to put into the same unit as the change itself."""
        now = self.clock.unix()
        # Time first, so that ids sort about as they came; then random bits, so that they stay
        # unique even where a database is restored from a backup and counts the same rows again.
        event = f"{int(now * 1000):012x}{random_hex(10)}"
        return Write(_INSERT, (event, subject, payload, int(now)))

    def wake(self) -> None:
        """Wake the readers: something was committed."""
        for listener in self._listeners:
            listener()

    def on_wake(self, listener: Callable[[], None]) -> None:
        """Register a reader of this process, called with every ``wake``."""
        self._listeners.append(listener)


class LocalBus:
    """The ``events.EventBus`` of services that share a process: no server of any kind.

    Every subscription reads the attached outboxes itself, from a cursor stored with the events.
    ``shared`` says that other processes run the same subscriptions: one process then has each of them at
    a time. The process runs its tasks after every ``attach`` and ``subscribe``.
    """

    def __init__(self, *, shared: bool = False, metrics: EventMetrics | None = None) -> None:
        self._shared = shared
        self._metrics = metrics
        self._outboxes: list[tuple[TableOutbox, frozenset[str]]] = []
        self._subscriptions: list[Subscription] = []

    def attach(self, outbox: TableOutbox, *subjects: str) -> None:
        """Add a producer. With ``subjects``, those are all it ever writes."""
        self._outboxes.append((outbox, frozenset(subjects)))

    def subscribe(self, subscription: Subscription) -> None:
        """Register a consumer; delivery starts with the tasks."""
        self._subscriptions.append(subscription)

    async def complete_to(self, consumer: str) -> float | None:
        """Return the second before which every event was handled; None without such a consumer."""
        found: list[float] = []
        for subscription in self._subscriptions:
            for outbox, written in self._outboxes:
                if subscription.name == consumer and _concerns(written, subscription):
                    now = outbox.clock.unix()
                    _, oldest = await read_backlog(outbox.database, consumer)
                    found.append(now if oldest is None else oldest)
        return min(found, default=None)

    def tasks(self) -> dict[str, Task]:
        """Return the tasks that deliver and sweep, by name. Call it once."""
        tasks: dict[str, Task] = {}
        read: dict[str, list[Database]] = {}
        for number, (outbox, written) in enumerate(self._outboxes):
            readers = [
                subscription
                for subscription in self._subscriptions
                if _concerns(written, subscription)
            ]
            for subscription in readers:
                reader = OutboxReader(outbox.database, subscription.name)
                outbox.on_wake(reader.wake)
                deliver = self._count_deliveries(subscription)
                follow = partial(reader.follow, deliver)
                name = f"{subscription.name}-{number}"
                tasks[name] = self._hold_lease(
                    outbox.database, f"events {subscription.name}", follow
                )
            names = [subscription.name for subscription in readers]
            for name in names:
                read.setdefault(name, []).append(outbox.database)
            tasks[f"outbox-sweep-{number}"] = repeat_every(
                SWEPT_EVERY, partial(sweep, outbox.database, names, outbox.clock, KEPT)
            )
        if self._metrics is not None:
            tasks["outbox-backlog"] = repeat_every(
                MEASURED_EVERY, partial(self._metrics.measure, read)
            )
        return tasks

    def _count_deliveries(self, subscription: Subscription) -> Deliver:
        handler = subscription.handler
        if self._metrics is not None:
            handler = self._metrics.watch(subscription.name, handler)
        return _select_subjects(subscription.subjects, handler)

    def _hold_lease(self, database: Database, name: str, work: Task) -> Task:
        return partial(run_leased, Lease(database, name, ttl=5), work) if self._shared else work


def _concerns(written: frozenset[str], subscription: Subscription) -> bool:
    return not written or not written.isdisjoint(subscription.subjects)


def _select_subjects(subjects: Sequence[str], handler: Deliver) -> Deliver:
    wanted = frozenset(subjects)

    async def deliver(events: Sequence[Event]) -> None:
        matching = [event for event in events if event.subject in wanted]
        if matching:
            await handler(matching)

    return deliver
