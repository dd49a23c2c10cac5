"""The JSON of alerts, and the parameters of their list."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel

from newel.alerting.alerts import AlertState, DeliveryRecord, DeliveryState
from newel.alerting.kinds import find_kind
from newel.alerting.notices import Message, Notice, Phase, Severity, title
from newel.alerting.silences import Silence, SilenceState, find_silence
from newel.runtime.http.list_parameters import Hex, ListParameters, Text, Time

_TO_COME = {DeliveryState.PENDING, DeliveryState.PLANNED}


class AlertParameters(ListParameters, frozen=True):
    """The filters of the list of alerts."""

    sort: Literal["opened", "-opened", "expires", "-expires"] = "-opened"
    state: AlertState | None = None
    severity: Severity | None = None
    kind: Text | None = None
    owner: Text | None = None
    acknowledged: Literal["yes", "no"] | None = None
    endpoint: Text | None = None
    serial: Hex | None = None
    subject: Text | None = None
    provisioner: Text | None = None
    search: Text | None = None
    opened_after: Time | None = None
    opened_before: Time | None = None
    group: Text | None = None


class SilenceParameters(ListParameters, frozen=True):
    """The filters of the list of silences."""

    sort: Literal["ends", "-ends"] = "-ends"
    state: SilenceState | None = None


class DeliveryParameters(ListParameters, frozen=True):
    """The filters of the list of deliveries."""

    sort: Literal["queued", "-queued"] = "-queued"
    state: DeliveryState | None = None
    channel: Text | None = None
    alert: Text | None = None


class AlertDocument(BaseModel):
    """One alert, without its deliveries. Serial numbers are lower-case hexadecimal."""

    id: str
    kind: str
    title: str
    advice: str
    """What to do."""
    state: AlertState
    severity: Severity
    subject: str
    names: list[str]
    endpoint: str
    serial: str
    provisioner: str
    owner: str
    detail: str
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    life_passed: float
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    successor: str | None
    followed_by: str | None
    """The kind of the alert that took its place, which resolved it."""
    acknowledged_by: str | None
    acknowledged_at: dt.datetime | None
    note: str | None
    """What who acknowledged it wrote."""
    silence: str | None
    """The silence that holds it back now."""
    silenced_until: dt.datetime | None

    @classmethod
    def of(cls, notice: Notice, active: Sequence[Silence], **more: Any) -> Self:
        """Describe a notice, with the silences that are active."""
        silence = find_silence(notice, active) if notice.resolved_at is None else None
        known = notice.acknowledgement
        return cls(
            id=notice.id,
            kind=notice.kind,
            advice=find_kind(notice.kind).advice,
            title=title(Message("", Phase.OPENED, notice, "")),
            owner=notice.owner,
            detail=notice.detail,
            acknowledged_by=known.by if known else None,
            acknowledged_at=known.at if known else None,
            note=known.note if known else None,
            silence=silence.id if silence else None,
            silenced_until=silence.ends_at if silence else None,
            state=AlertState.OPEN if notice.resolved_at is None else AlertState.RESOLVED,
            severity=notice.severity,
            subject=notice.subject,
            names=list(notice.names),
            endpoint=notice.endpoint,
            serial=notice.serial.hex(),
            provisioner=notice.provisioner,
            not_before=notice.not_before,
            not_after=notice.not_after,
            life_passed=notice.life_passed,
            opened_at=notice.opened_at,
            resolved_at=notice.resolved_at,
            successor=notice.successor.hex() or None,
            followed_by=notice.followed_by or None,
            **more,
        )


class DeliveryDocument(BaseModel):
    """One delivery of an alert; ``key`` is what its receiver knows it by."""

    key: str
    alert: str
    channel: str
    phase: Phase
    state: DeliveryState
    attempts: int
    attempted_at: dt.datetime | None
    next_attempt_at: dt.datetime | None
    error: str | None
    fallback: str | None
    silence: str | None
    """The silence that holds it back."""
    group: str | None
    """The message about many alerts that it is told in."""

    @classmethod
    def of(cls, record: DeliveryRecord) -> Self:
        """Describe a delivery."""
        return cls(
            key=record.key,
            alert=record.notice,
            channel=record.channel,
            phase=record.phase,
            state=record.state,
            attempts=record.attempts,
            attempted_at=record.attempted_at,
            next_attempt_at=record.next_at if record.state in _TO_COME else None,
            error=record.error or None,
            fallback=record.fallback or None,
            silence=record.silence or None,
            group=record.group or None,
        )


class DeliveryPage(BaseModel):
    """A page of deliveries; ``next`` is the cursor of the page after it."""

    deliveries: list[DeliveryDocument]
    next: str | None


class AlertWithDeliveries(AlertDocument):
    """One alert with what became of each message about it."""

    deliveries: list[DeliveryDocument]


class ChannelDocument(BaseModel):
    """One configured channel."""

    name: str
    kind: str


class ChannelList(BaseModel):
    """All channels, by name."""

    channels: list[ChannelDocument]


class TrialDocument(BaseModel):
    """What became of a test message, without a second attempt."""

    channel: str
    delivered: bool
    error: str | None


class AlertPage(BaseModel):
    """A page of alerts; ``next`` is the cursor of the page after it."""

    alerts: list[AlertDocument]
    next: str | None


class SilenceDocument(BaseModel):
    """One silence: which alerts it holds back, and until when."""

    id: str
    state: SilenceState
    kind: str
    severity: str
    owner: str
    endpoint: str
    provisioner: str
    subject: str
    reason: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    created_by: str
    created_at: dt.datetime
    ended_by: str | None
    ended_at: dt.datetime | None
    """When a person ended it, before its time."""

    @classmethod
    def of(cls, silence: Silence, now: dt.datetime) -> Self:
        """Describe a silence as it is now."""
        return cls(
            id=silence.id,
            state=silence.state(now),
            **dataclasses.asdict(silence.matchers),
            reason=silence.reason,
            starts_at=silence.starts_at,
            ends_at=silence.ends_at,
            created_by=silence.created_by,
            created_at=silence.created_at,
            ended_by=silence.ended_by or None,
            ended_at=silence.ended_at,
        )


class SilencePage(BaseModel):
    """A page of silences; ``next`` is the cursor of the page after it."""

    silences: list[SilenceDocument]
    next: str | None
