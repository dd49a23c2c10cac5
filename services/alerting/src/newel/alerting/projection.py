"""Events into notices: an endpoint is expiring, an endpoint is renewed."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from google.protobuf.message import DecodeError

from newel.alerting.config import Config
from newel.alerting.metrics import Metrics
from newel.alerting.notices import Notice, Severity, notice_id
from newel.alerting.rules import Route, routes
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.events.contract import Event


class Notices(Protocol):
    """The notices and what is to be delivered of them."""

    async def open(self, notice: Notice, to: Sequence[Route]) -> bool:
        """Open a notice and queue its deliveries in one unit; return False when it was known."""
        ...

    async def resolve(self, notice: str, serial: bytes, successor: bytes, at: dt.datetime) -> bool:
        """Resolve a notice: cancel what was not delivered, queue a message for each channel that has it.

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
                if event.subject == subjects.ENDPOINT_EXPIRING:
                    await self._open(events_pb2.EndpointExpiring.FromString(event.payload))
                elif event.subject == subjects.ENDPOINT_RENEWED:
                    await self._resolve(events_pb2.EndpointRenewed.FromString(event.payload))
            except DecodeError as error:
                # It will not get better by coming again, and what is behind it must not wait.
                self._metrics.unreadable.inc()
                self._audit.record("alerting.event", "refused", cause=str(error), id=event.id)

    async def _open(self, event: events_pb2.EndpointExpiring) -> None:
        notice = Notice(
            id=notice_id(event.serial),
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
        )
        to = routes(notice, self._config)
        if await self._notices.open(notice, to):
            self._metrics.notices.labels(event="opened").inc()
            channels = [route.channel for route in to if route.after is None]
            self._audit.record("alerting.notice", "opened", notice=notice.id, channels=channels)

    async def _resolve(self, event: events_pb2.EndpointRenewed) -> None:
        notice = notice_id(event.superseded)
        now = self._clock.now()
        if await self._notices.resolve(notice, event.superseded, event.serial, now):
            self._metrics.notices.labels(event="resolved").inc()
            self._audit.record(
                "alerting.notice", "resolved", notice=notice, successor=event.serial.hex()
            )
