"""Many alerts of one kind and owner in one message, so that an outage is not ten thousand messages.

The first few within a while are told one by one. When there are more, all that are due are told in one
message, and what comes within a while after it waits for the next. A group has the same alerts at every
attempt, is claimed by one worker, and its end is told once all of its alerts are over.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from newel.alerting.config import GroupLimits, Retry
from newel.alerting.delivery import Channel, Delivery, DeliveryError, Silences, backoff, send
from newel.alerting.metrics import Metrics
from newel.alerting.notices import Message, Notice, Phase, Severity, message_key
from newel.alerting.silences import find_silence
from newel.runtime.audit import Audit
from newel.runtime.clock import AHEAD, Clock

_CLAIM_SECONDS = 300
_MAX_ERROR = 300
_ENDS_EVERY = 5
"""Seconds between two looks for groups whose alerts are all over."""


class Group(NamedTuple):
    """What is told together to one channel."""

    channel: str
    phase: Phase
    kind: str
    owner: str


class DueGroup(NamedTuple):
    """A group with deliveries that are due; times in seconds since 1970."""

    group: Group
    due: int  # how many
    told: int  # how many were told one by one within the while
    waits_until: float  # the while after its last message ends then


@dataclass(frozen=True, slots=True)
class Digest:
    """One message about many alerts."""

    id: str
    group: Group
    size: int
    attempts: int  # before the one that it is due for
    mark: int  # the state of its row: who claims it with another one is too late
    created_at: dt.datetime
    ended_at: dt.datetime | None
    severity: Severity
    named: tuple[str, ...]  # what the first of them are about

    @property
    def key(self) -> str:
        """What receivers know the message by."""
        return message_key(self.id, self.group.phase, self.group.channel)


class Digests(Protocol):
    """The deliveries as groups, and their messages."""

    async def find_groups(self, channel: str, now: float, since: float) -> list[DueGroup]:
        """Find the groups with deliveries that are due and were never tried."""
        ...

    async def members(self, group: Group, now: float) -> list[Delivery]:
        """Read the deliveries of a group that are due and were never tried."""
        ...

    async def hold(self, held: Sequence[tuple[Delivery, str]]) -> list[bool]:
        """Hold deliveries back, each until its silence is over; False for one that was changed meanwhile."""
        ...

    async def postpone_group(self, group: Group, now: float, until: float) -> None:
        """Let what is due of a group wait."""
        ...

    async def form(self, digest: str, group: Group, now: float, since: float, until: float) -> int:
        """Put what is due of a group into one message, claimed until then; return how many those are.

        0 when another worker did so after ``since``.
        """
        ...

    async def find_due(self, channel: str, now: float, latest: float, named: int) -> list[Digest]:
        """Find the messages that are due, with the first of their alerts."""
        ...

    async def read(self, key: str, named: int) -> Digest | None:
        """Read one message."""
        ...

    async def claim(self, digest: Digest, until: float) -> bool:
        """Claim a message for this worker alone; False when another one has it."""
        ...

    async def mark_delivered(self, digest: Digest) -> None:
        """Record that the receiver has it."""
        ...

    async def postpone(self, digest: Digest, until: float, error: str) -> None:
        """Schedule the next attempt."""
        ...

    async def give_up(self, digest: Digest, now: float, error: str) -> None:
        """Record the final failure, and queue each alert to its fallback channel."""
        ...

    async def end(self, channel: str, now: float) -> int:
        """Queue the end of each group whose alerts are all over; return how many."""
        ...


class Gatherer:
    """Tells one channel of many alerts at once."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        digests: Digests,
        silences: Silences,
        grouping: GroupLimits,
        retry: Retry,
        source: str,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
        dashboard: str = "",
    ) -> None:
        self._name = name
        self._channel = channel
        self._digests = digests
        self._silences = silences
        self._grouping = grouping
        self._wait = grouping.wait.total_seconds()
        self._retry = retry
        self._source = source
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        self._dashboard = dashboard
        self._ends_at = 0.0

    async def tick(self, *, is_grouped: bool) -> None:
        """Form the groups that there are, tell them, and tell the ends of those that are over.

        What is not many is left to be told one by one, and so is all that comes unless ``is_grouped``.
        """
        now = self._clock.unix()
        groups = await self._digests.find_groups(self._name, now, now - self._wait)
        for found in groups if is_grouped else ():
            await self._gather(found, now)
        if not now <= self._ends_at <= now + _ENDS_EVERY:
            await self._digests.end(self._name, now)
            self._ends_at = now + _ENDS_EVERY
        latest = now + max(_CLAIM_SECONDS, self._retry.largest.total_seconds()) + AHEAD
        for digest in await self._digests.find_due(self._name, now, latest, self._grouping.named):
            # the messages before it may have taken their time
            if await self._digests.claim(digest, self._clock.unix() + _CLAIM_SECONDS):
                await self._attempt(digest)

    async def _gather(self, found: DueGroup, now: float) -> None:
        due = found.due - await self._hold_silenced(found.group, now)
        if due and found.waits_until > now:
            await self._digests.postpone_group(found.group, now, found.waits_until)
        elif due + found.told > self._grouping.single and due > 1:
            name = name_group(found.group, now, self._wait)
            claim = self._clock.unix() + _CLAIM_SECONDS
            if await self._digests.form(name, found.group, now, now - self._wait, claim):
                key = message_key(name, found.group.phase, self._name)
                digest = await self._digests.read(key, self._grouping.named)
                if digest is not None:
                    await self._attempt(digest)

    async def _hold_silenced(self, group: Group, now: float) -> int:
        active = await self._silences.find_active(int(now))
        if not active:
            return 0
        held: list[tuple[Delivery, str]] = []
        for each in await self._digests.members(group, now):
            silence = find_silence(each.notice, active)
            if silence is not None:
                held.append((each, silence.id))
        if not held:
            return 0
        outcomes = await self._digests.hold(held)
        for (delivery, silence), is_held in zip(held, outcomes, strict=True):
            if is_held:
                self._metrics.deliveries.labels(
                    channel=self._name, phase=delivery.phase, result="silenced"
                ).inc()
                self._audit.record(
                    "alerting.delivery", "silenced", key=delivery.key,
                    attempt=delivery.attempts + 1, silence=silence,
                )  # fmt: skip # what, then how
        return len(held)

    async def _attempt(self, digest: Digest) -> None:
        notice = describe_group(digest)
        message = Message(digest.key, digest.group.phase, notice, self._source, self._dashboard)
        try:
            await send(self._name, self._channel, message)
        except DeliveryError as error:
            await self._handle_failure(digest, error)
        else:
            await self._digests.mark_delivered(digest)
            self._report(digest, "delivered")

    async def _handle_failure(self, digest: Digest, error: DeliveryError) -> None:
        now, detail = self._clock.unix(), str(error)[:_MAX_ERROR]
        attempts = digest.attempts + 1
        if error.permanent or attempts >= self._retry.attempts:
            await self._digests.give_up(digest, now, detail)
            self._report(digest, "failed", cause=detail)
            return
        asked = min(error.retry_after or 0, self._retry.largest.total_seconds())
        wait = max(asked, backoff(self._retry, attempts))
        await self._digests.postpone(digest, now + wait, detail)
        self._report(digest, "postponed", cause=detail, seconds=round(wait, 1))

    def _report(self, digest: Digest, outcome: str, **facts: object) -> None:
        self._metrics.deliveries.labels(
            channel=self._name, phase=digest.group.phase, result=outcome
        ).inc()
        self._audit.record(
            "alerting.delivery", outcome, key=digest.key, attempt=digest.attempts + 1,
            alerts=digest.size, **facts,
        )  # fmt: skip # what, then how


def name_group(group: Group, now: float, wait: float) -> str:
    """Return the id of a group, which workers that form it at the same time arrive at alike."""
    begin = int(now // wait * wait)
    digest = hashlib.sha256("\n".join(group).encode()).hexdigest()
    return f"group-{digest[:12]}-{begin}"


def describe_group(digest: Digest) -> Notice:
    """Return what channels are told of a group: a notice about no certificate."""
    return Notice(
        id=digest.id,
        endpoint=digest.id,
        serial=b"",
        subject=f"{digest.size} alerts",
        names=(),
        provisioner="",
        not_before=None,
        not_after=None,
        life_passed=0,
        severity=digest.severity,
        opened_at=digest.created_at,
        resolved_at=digest.ended_at,
        kind=digest.group.kind,
        owner=digest.group.owner,
        alerts=digest.size,
        first=digest.named,
    )
