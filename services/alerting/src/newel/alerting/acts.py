"""What an operator does about alerts: acknowledge one, silence what matches, try a delivery again."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from newel.alerting.alerts import DeliveryRecord, DeliveryState
from newel.alerting.notices import Acknowledgement, Notice
from newel.alerting.silences import Matchers, Silence
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.times import to_seconds
from newel.runtime.entropy import random_hex
from newel.runtime.errors import ErrorType, NewelError

FURTHEST = dt.timedelta(days=366)
"""How far ahead a silence may begin."""


class Alerts(Protocol):
    """The alerts."""

    async def acknowledge(self, notice: str, by: Acknowledgement) -> bool:
        """Record who looks after an open alert; False when that is acknowledged or over, or there is none."""
        ...


class Readings(Protocol):
    """The alerts as they are read."""

    async def alert(self, notice: str) -> Notice | None:
        """Read one alert; None without it."""
        ...

    async def delivery(self, key: str) -> DeliveryRecord | None:
        """Read one delivery; None without it."""
        ...


class Deliveries(Protocol):
    """The deliveries."""

    async def retry(self, key: str, now: int) -> bool:
        """Queue again what has failed for good; False for any other, and when its alert is resolved."""
        ...


class Silences(Protocol):
    """The silences."""

    async def add(self, silence: Silence) -> bool:
        """Add a silence; False when there are too many."""
        ...

    async def end(self, silence: str, by: str, now: int) -> bool:
        """End a silence before its time; False when it is over, or there is none."""
        ...

    async def find(self, silence: str) -> Silence | None:
        """Read one silence; None without it."""
        ...


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts, each with its line in the audit trail; a refusal has one too."""

    alerts: Alerts
    readings: Readings
    silences: Silences
    deliveries: Deliveries
    channels: Collection[str]
    """The names of those that are configured."""
    longest: dt.timedelta
    clock: Clock
    audit: Audit

    async def acknowledge(self, notice: str, note: str, by: str) -> Notice:
        """Acknowledge an open alert, which ends its escalation; return it.

        An alert that is acknowledged already stays as it is. Raises `NewelError`: ``notFound``, or
        ``conflict`` for an alert that is resolved.
        """
        own = Acknowledgement(by, self.clock.now().replace(microsecond=0), note)
        changed = await self.alerts.acknowledge(notice, own)
        found = await self.readings.alert(notice)
        if found is None:
            raise self._refuse("acknowledge", ErrorType.NOT_FOUND, "There is no such alert.", by)
        if found.acknowledgement is None:
            detail = "This alert is resolved: there is nothing to acknowledge."
            raise self._refuse("acknowledge", ErrorType.CONFLICT, detail, by)
        outcome = "granted" if changed else "unchanged"
        self.audit.record("alerting.acknowledge", outcome, notice=notice, by=by, note=note)
        return found

    async def silence(
        self,
        matchers: Matchers,
        starts_at: dt.datetime | None,
        ends_at: dt.datetime,
        reason: str,
        by: str,
    ) -> Silence:
        """Hold back what matches, from now or a later time until an end; return the silence.

        Raises `NewelError`: ``malformed`` for times that cannot be, ``conflict`` when there are too many.
        """
        now = self.clock.now().replace(microsecond=0)
        # a silence that begins now begins in this very second, whatever its caller's clock says
        begin = max(starts_at or now, now)
        fault = self._check(now, begin, ends_at)
        if fault:
            raise self._refuse("silence", ErrorType.MALFORMED, fault, by)
        silence = Silence(f"silence-{random_hex(8)}", matchers, reason, by, now, begin, ends_at)
        if not await self.silences.add(silence):
            detail = "There are too many silences already. End those that are not needed."
            raise self._refuse("silence", ErrorType.CONFLICT, detail, by)
        self.audit.record(
            "alerting.silence", "granted", silence=silence.id, by=by, reason=reason,
            starts_at=begin.isoformat(), ends_at=ends_at.isoformat(),
        )  # fmt: skip # what, then when
        return silence

    async def end(self, silence: str, by: str) -> Silence:
        """End a silence before its time; what it held back is told within seconds.

        Raises `NewelError`: ``notFound``, or ``conflict`` for a silence that is over.
        """
        changed = await self.silences.end(silence, by, to_seconds(self.clock.now()))
        found = await self.silences.find(silence)
        if found is None:
            raise self._refuse("silence.end", ErrorType.NOT_FOUND, "There is no such silence.", by)
        if not changed:
            detail = "This silence is over already."
            raise self._refuse("silence.end", ErrorType.CONFLICT, detail, by)
        self.audit.record("alerting.silence.end", "granted", silence=silence, by=by)
        return found

    async def retry(self, key: str, by: str) -> DeliveryRecord:
        """Queue a delivery again that has failed for good; return it.

        Raises `NewelError`: ``notFound``, or ``conflict`` for one that cannot be sent any more.
        """
        found = await self.readings.delivery(key)
        if found is None:
            raise self._refuse("retry", ErrorType.NOT_FOUND, "There is no such delivery.", by)
        if found.channel not in self.channels:
            detail = f"The channel {found.channel!r} is no longer configured."
            raise self._refuse("retry", ErrorType.CONFLICT, detail, by)
        if not await self.deliveries.retry(key, to_seconds(self.clock.now())):
            detail = f"This delivery is {found.state}: only what has failed is tried again."
            if found.state is DeliveryState.FAILED:
                alert = await self.readings.alert(found.notice)
                detail = "The alert is resolved: there is nothing to tell any more."
                if alert is not None and alert.resolved_at is None:
                    detail = "The alert is acknowledged: it is escalated to no one any more."
            raise self._refuse("retry", ErrorType.CONFLICT, detail, by)
        self.audit.record("alerting.retry", "granted", key=key, by=by)
        return await self.readings.delivery(key) or found

    def _check(self, now: dt.datetime, begin: dt.datetime, end: dt.datetime) -> str:
        """Say what is wrong with the times of a silence; "" for nothing."""
        if end <= begin:
            return "A silence must end after it begins, and later than now."
        if begin - now > FURTHEST:
            return f"A silence may begin at most {FURTHEST.days} days from now."
        if end - begin > self.longest:
            return f"A silence may last at most {self.longest}; set longest_silence to allow more."
        return ""

    def _refuse(self, act: str, kind: ErrorType, detail: str, by: str) -> NewelError:
        self.audit.record(f"alerting.{act}", "refused", cause=detail, by=by)
        return NewelError(kind, detail)
