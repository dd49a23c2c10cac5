"""What was refused, counted by provisioner, and told when it is much more than usual.

A request costs a counter and never an event: who floods the authority with requests must not flood its
alerts. Each process adds its counts to the table of hours; one of them judges the last hours against those
of the weeks before, and writes an event when something begins or is over. The table of what was told
decides, in the same unit as the event.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.registration.errors import TEMPORARY
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Write
from newel.runtime.errors import NewelError
from newel.runtime.events.contract import Outbox

REFUSALS = "refusals"
"""Any request that was refused."""
BLOCKED_KEY = "blocked-key"
"""A request with a key that was declared compromised."""

_HOUR = 3600
_DAY = 24
_WEEKS = 28 * _DAY
"""Hours of which the highest is what is usual; those of the last day are no part of them."""
_TIMES = 3
"""How many times the usual is a spike."""


class Cause(NamedTuple):
    """What is counted by itself."""

    provisioner: str  # a configured name, or "" where none was found
    kind: str


class RefusalCounts:
    """The refusals of this process since they were stored last, in memory that provisioners bound."""

    def __init__(self) -> None:
        self._counts: Counter[Cause] = Counter()

    def add(self, provisioner: str, error: NewelError) -> None:
        """Count a refusal; an error of our own is none."""
        if error.type in TEMPORARY:
            return
        self._counts[Cause(provisioner, REFUSALS)] += 1
        if error.compromised_key:
            self._counts[Cause(provisioner, BLOCKED_KEY)] += 1

    def take(self) -> Counter[Cause]:
        """Return the counts, and begin again at zero."""
        counts, self._counts = self._counts, Counter()
        return counts

    def put_back(self, counts: Counter[Cause]) -> None:
        """Add what could not be stored."""
        self._counts.update(counts)


class Hour(NamedTuple):
    """The refusals of one cause in one hour; the hour as a number since 1970."""

    cause: Cause
    hour: int
    refused: int


class Refusals(Protocol):
    """The tables of hours, and of what was told."""

    async def add(self, counts: Mapping[Cause, int], hour: int) -> None:
        """Add counts to an hour."""
        ...

    async def read(self, since: int) -> Sequence[Hour]:
        """Read the hours since one."""
        ...

    async def read_highest(self, since: int, before: int) -> Mapping[Cause, int]:
        """Read the highest count of an hour of that time."""
        ...

    async def read_told(self) -> Mapping[Cause, str]:
        """Read the ids of what was told and is not over."""
        ...

    async def tell(self, cause: Cause, name: str, event: Write) -> bool:
        """Write the event that something began, unless it was told."""
        ...

    async def end(self, name: str, event: Write) -> bool:
        """Write the event that it is over, unless that was told."""
        ...

    async def forget(self, before: int) -> None:
        """Remove the hours before one."""
        ...


class RefusalWatch:
    """Stores counts, and judges them."""

    def __init__(
        self,
        counts: RefusalCounts,
        refusals: Refusals,
        outbox: Outbox | None,
        fewest: int,
        clock: Clock,
        audit: Audit,
    ) -> None:
        self._counts = counts
        self._refusals = refusals
        self._outbox = outbox
        self._fewest = fewest
        self._clock = clock
        self._audit = audit

    async def store(self) -> None:
        """Add this process's counts to the table. Raises what the database raises; nothing is lost then."""
        counts = self._counts.take()
        if not counts:
            return
        try:
            await self._refusals.add(counts, self._hour())
        except BaseException:
            self._counts.put_back(counts)
            raise

    async def judge(self) -> None:
        """Tell what began and what is over; nothing where there is no bus for it."""
        outbox, hour = self._outbox, self._hour()
        await self._refusals.forget(hour - _WEEKS)
        if outbox is None:
            return
        found = self._find(
            await self._refusals.read(hour - _DAY),
            await self._refusals.read_highest(hour - _WEEKS, hour - _DAY),
            hour,
        )
        told = await self._refusals.read_told()
        for cause, event in found.items():
            if cause not in told:
                event.id = name_alert(cause, hour)
                write = outbox.write(subjects.REFUSALS_RAISED, event.SerializeToString())
                if await self._refusals.tell(cause, event.id, write):
                    self._audit.record("refusals", "raised", alert=event.id, count=event.count)
        for cause, name in told.items():
            if cause not in found:
                over = events_pb2.RefusalsCalmed(id=name)
                write = outbox.write(subjects.REFUSALS_CALMED, over.SerializeToString())
                if await self._refusals.end(name, write):
                    self._audit.record("refusals", "calmed", alert=name)
        outbox.wake()

    def _find(
        self, day: Sequence[Hour], usual: Mapping[Cause, int], hour: int
    ) -> dict[Cause, events_pb2.RefusalsRaised]:
        """Return what is the matter now: a spike in this or the last hour, a blocked key within a day."""
        found: dict[Cause, events_pb2.RefusalsRaised] = {}
        for each in day:
            most = usual.get(each.cause, 0)
            if each.cause.kind == REFUSALS and (
                each.hour < hour - 1 or each.refused < max(self._fewest, _TIMES * most)
            ):
                continue
            event = found.setdefault(
                each.cause,
                events_pb2.RefusalsRaised(
                    kind=each.cause.kind, provisioner=each.cause.provisioner, usual=most
                ),
            )
            is_blocked = each.cause.kind == BLOCKED_KEY
            event.count = (
                event.count + each.refused if is_blocked else max(event.count, each.refused)
            )
        return found

    def _hour(self) -> int:
        return int(self._clock.unix()) // _HOUR


def name_alert(cause: Cause, hour: int) -> str:
    """Return the id of what began in an hour."""
    at = dt.datetime.fromtimestamp(hour * _HOUR, dt.UTC)
    digest = hashlib.sha256(cause.provisioner.encode()).hexdigest()
    return f"{cause.kind}-{digest[:8]}-{at:%Y%m%d%H}"
