"""Events into notices: an endpoint is late for renewal or has expired, an endpoint is renewed."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from google.protobuf.message import DecodeError

from newel.alerting.compromise import compromise_id, describe_compromise
from newel.alerting.config import Config
from newel.alerting.kinds import EXPIRED, EXPIRING, LATE, UNRENEWED
from newel.alerting.metrics import Metrics
from newel.alerting.notices import Notice, Severity, notice_id, timestamp
from newel.alerting.refusals import describe_refusals
from newel.alerting.rules import Route, routes
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.events.contract import Event

_LATE = {
    subjects.ENDPOINT_UNRENEWED: UNRENEWED,
    subjects.ENDPOINT_EXPIRING: EXPIRING,
    subjects.ENDPOINT_EXPIRED: EXPIRED,
}


class Notices(Protocol):
    """The notices and what is to be delivered of them."""

    async def open(self, notice: Notice, to: Sequence[Route], family: Sequence[str] = ()) -> bool:
        """Open a notice and queue its deliveries in one unit; return False when it was known.

        ``family`` are the kinds of its topic, of which each follows those before it. The notice takes
        the place of an older state, and is not opened while a newer one is open.
        """
        ...

    async def resolve(
        self,
        notice: str,
        serial: bytes,
        successor: bytes,
        at: dt.datetime,
        *,
        is_told_late: bool = False,
    ) -> bool:
        """Resolve a notice: cancel what was not delivered, queue a message for each channel that has it.

        With ``is_told_late`` what was not delivered is delivered all the same, and then its end.
        False when it is resolved already or has not been opened; then it will not be.
        """
        ...


class Projection:
    """Opens and resolves notices as endpoints expire and are renewed."""

    def __init__(
        self,
        notices: Notices,
        config: Config,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._notices = notices
        self._config = config
        self._clock = clock
        self._audit = audit
        self._metrics = metrics

    async def handle(self, events: Sequence[Event]) -> None:
        """Handle one batch of events. Raises what the database raises; the batch is delivered again."""
        for event in events:
            try:
                if event.subject in _LATE:
                    late = events_pb2.EndpointExpiring.FromString(event.payload)
                    await self._open_late(late, _LATE[event.subject])
                elif event.subject == subjects.ENDPOINT_RENEWED:
                    renewed = events_pb2.EndpointRenewed.FromString(event.payload)
                    for kind in LATE:
                        notice = notice_id(renewed.superseded, kind)
                        await self._resolve(notice, renewed.superseded, renewed.serial)
                elif event.subject == subjects.ENDPOINT_COMPROMISED:
                    compromised = events_pb2.EndpointCompromised.FromString(event.payload)
                    await self._open(describe_compromise(compromised, self._clock.now()))
                elif event.subject == subjects.REFUSALS_RAISED:
                    raised = events_pb2.RefusalsRaised.FromString(event.payload)
                    await self._open(describe_refusals(raised, self._clock.now()))
                elif event.subject == subjects.REFUSALS_CALMED:
                    calmed = events_pb2.RefusalsCalmed.FromString(event.payload)
                    await self._resolve(calmed.id, b"", b"")
                elif event.subject == subjects.ENDPOINT_REKEYED:
                    rekeyed = events_pb2.EndpointRekeyed.FromString(event.payload)
                    notice = compromise_id(rekeyed.endpoint, rekeyed.compromised)
                    # who replaces the key first and then declares it lost is told of it all the same
                    await self._resolve(notice, b"", rekeyed.serial, is_told_late=True)
            except DecodeError as error:
                # It will not get better by coming again, and what is behind it must not wait.
                self._metrics.unreadable.inc()
                self._audit.record("alerting.event", "refused", cause=str(error), id=event.id)

    async def _open_late(self, event: events_pb2.EndpointExpiring, kind: str) -> None:
        found: list[str] = []
        if event.usual:
            found.append(f"It was usually renewed by {event.usual:.0%} of its lifetime.")
        if event.HasField("unseen_since"):
            since = timestamp(event.unseen_since.ToDatetime(dt.UTC))
            found.append(
                f"It may have been renewed: the issuing authority's list cannot be read since {since}."
            )
        notice = Notice(
            id=notice_id(event.serial, kind),
            kind=kind,
            endpoint=event.endpoint,
            serial=event.serial,
            subject=event.subject,
            names=tuple(event.names),
            provisioner=event.provisioner,
            not_before=event.not_before.ToDatetime(dt.UTC),
            not_after=event.not_after.ToDatetime(dt.UTC),
            life_passed=event.fraction,
            severity=Severity.CRITICAL if event.expired else Severity.WARNING,
            opened_at=self._clock.now(),
            owner=event.owner,
            detail=" ".join(found),
            topic=f"late-{event.endpoint}",
        )
        await self._open(notice, LATE)

    async def _open(self, notice: Notice, family: Sequence[str] = ()) -> None:
        to = routes(notice, self._config)
        if await self._notices.open(notice, to, family):
            self._metrics.notices.labels(event="opened").inc()
            channels = [route.channel for route in to if route.after is None]
            self._audit.record("alerting.notice", "opened", notice=notice.id, channels=channels)

    async def _resolve(
        self, notice: str, serial: bytes, successor: bytes, *, is_told_late: bool = False
    ) -> None:
        now = self._clock.now()
        if await self._notices.resolve(notice, serial, successor, now, is_told_late=is_told_late):
            self._metrics.notices.labels(event="resolved").inc()
            self._audit.record(
                "alerting.notice", "resolved", notice=notice, successor=successor.hex()
            )
