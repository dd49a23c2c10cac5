"""Revocation lists that are not followed by another one in time, from what validation publishes.

Each list says when it ends and when it is to be followed at the latest. A list is late when a quarter
of the time between the two has passed, which leaves the rest to repair what keeps the next one back.
"""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from google.protobuf.message import DecodeError

from newel.alerting.config import Config
from newel.alerting.kinds import CRL_LATE, CRL_STALE
from newel.alerting.metrics import Metrics
from newel.alerting.notices import Notice, Severity, timestamp
from newel.alerting.projection import Notices
from newel.alerting.rules import routes
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.events.contract import Event

CONSUMER = "alerting-crls"
"""The name of the subscription."""
_KINDS = (CRL_LATE, CRL_STALE)
_LONGEST_UNKNOWN = 600
"""Seconds for which it may be unknown what waits on the bus, until a late list is told all the same."""


class CRLTimes(NamedTuple):
    """The last list of a scope; times in seconds since 1970."""

    scope: str
    this_update: int
    due_at: int  # it is followed then at the latest
    next_update: int

    @property
    def late_at(self) -> int:
        """The second from which it is late."""
        return self.due_at + max(self.next_update - self.due_at, 0) // 4

    def notice(self, kind: str) -> str:
        """Return the id of the notice of a kind about it."""
        return f"{kind}-{self.scope.replace('/', '_')}-{self.this_update}"


class CRLs(Protocol):
    """The last list of each scope."""

    async def find(self, scope: str) -> CRLTimes | None:
        """Read the last list of a scope; None before the first."""
        ...

    async def read_all(self) -> list[CRLTimes]:
        """Read the last lists of all scopes."""
        ...

    async def keep(self, crl: CRLTimes) -> None:
        """Store a list, unless a later one of its scope is stored."""
        ...


class Backlog(Protocol):
    """What the bus has for a consumer."""

    async def complete_to(self, consumer: str) -> float | None:
        """Return the second before which everything that the bus got is handled; None: not known."""
        ...


class CRLWatch:
    """Opens an alert about a list that is late or has ended, and resolves it when another one follows."""

    def __init__(
        self,
        crls: CRLs,
        backlog: Backlog,
        notices: Notices,
        config: Config,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._crls = crls
        self._backlog = backlog
        self._notices = notices
        self._config = config
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        self._seen: set[CRLTimes] = set()
        self._unknown_since: float | None = None

    async def handle(self, events: Sequence[Event]) -> None:
        """Take lists that were published. Raises what the database raises; they are delivered again."""
        for event in events:
            try:
                message = events_pb2.CrlPublished.FromString(event.payload)
            except DecodeError as error:
                self._metrics.unreadable.inc()
                self._audit.record("alerting.event", "refused", cause=str(error), id=event.id)
                continue
            await self._take(read_times(message))

    async def _take(self, crl: CRLTimes) -> None:
        before = await self._crls.find(crl.scope)
        if before is not None and before.this_update >= crl.this_update:
            return
        now = self._clock.now()
        # first resolved, then stored: what is interrupted between the two is done again
        if before is not None and before.late_at <= now.timestamp():
            for kind in _KINDS:
                if await self._notices.resolve(before.notice(kind), b"", b"", now):
                    self._metrics.notices.labels(event="resolved").inc()
                    self._audit.record("alerting.notice", "resolved", notice=before.notice(kind))
        await self._crls.keep(crl)

    async def tick(self) -> None:
        """Look at every list.

        One is reported by the second look that finds it late: after a pause of the whole authority the
        first look comes before the list that follows. And a list that was published may wait on the bus:
        what was there when it became late is to be handled first, unless that is not known for long: who
        publishes lists may be down with the bus.
        """
        now = self._clock.now()
        late = {crl for crl in await self._crls.read_all() if crl.late_at <= now.timestamp()}
        again = late & self._seen
        complete_to = await self._backlog.complete_to(CONSUMER) or 0 if again else 0
        known = {crl for crl in again if crl.late_at <= complete_to}
        since = self._note_unknown(now.timestamp(), is_unknown=known != again)
        is_too_long = since is not None and now.timestamp() - since >= _LONGEST_UNKNOWN
        for crl in sorted(again if is_too_long else known):
            await self._open(crl, now, None if crl in known else since)
        self._seen = late

    def _note_unknown(self, now: float, *, is_unknown: bool) -> float | None:
        """Note whether lists may wait on the bus; return since when, in seconds since 1970."""
        since = self._unknown_since
        if not is_unknown:
            self._unknown_since = None
        elif since is None or since > now:  # a clock that was put back begins again
            self._unknown_since = now
        return self._unknown_since

    async def _open(self, crl: CRLTimes, now: dt.datetime, unknown_since: float | None) -> None:
        has_ended = crl.next_update <= now.timestamp()
        kind = CRL_STALE if has_ended else CRL_LATE
        notice = describe_crl(crl, kind, now, unknown_since)
        to = routes(notice, self._config)
        if await self._notices.open(notice, to, _KINDS):
            self._metrics.notices.labels(event="opened").inc()
            channels = [route.channel for route in to if route.after is None]
            self._audit.record("alerting.notice", "opened", notice=notice.id, channels=channels)


def read_times(message: events_pb2.CrlPublished) -> CRLTimes:
    """Read an event; of a version that did not say when the next list is due, none is ever late."""
    end = message.next_update.seconds
    return CRLTimes(
        message.scope or message.issuer,
        message.this_update.seconds,
        message.due.seconds or end,
        end,
    )


def describe_crl(
    crl: CRLTimes, kind: str, now: dt.datetime, unknown_since: float | None = None
) -> Notice:
    """Return the notice of a kind about a list; since ``unknown_since`` another one may wait on the bus."""
    due, end = (dt.datetime.fromtimestamp(at, dt.UTC) for at in (crl.due_at, crl.next_update))
    detail = f"Its last list was to be followed by {timestamp(due)}, and ends at {timestamp(end)}."
    if unknown_since is not None:
        since = timestamp(dt.datetime.fromtimestamp(unknown_since, dt.UTC))
        detail += f" Another may have been published: since {since} the bus has not delivered what it has."
    return Notice(
        id=crl.notice(kind),
        kind=kind,
        endpoint=f"crl-{crl.scope}",
        serial=b"",
        subject=f"issuer {crl.scope}",
        names=(),
        provisioner="",
        not_before=None,
        not_after=None,
        life_passed=0,
        severity=Severity.CRITICAL if kind == CRL_STALE else Severity.WARNING,
        opened_at=now,
        detail=detail,
        topic=f"crl-{crl.scope}-{crl.this_update}",
    )
