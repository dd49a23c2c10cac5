"""The JSON of alerts, and the parameters of their list."""

import datetime as dt
from typing import Any, Literal, Self

from pydantic import BaseModel

from newel.alerting.alerts import AlertState, DeliveryRecord, DeliveryState
from newel.alerting.notices import Notice, Phase, Severity
from newel.runtime.http.list_parameters import Hex, ListParameters, Text, Time


class AlertParameters(ListParameters, frozen=True):
    """The filters of the list of alerts."""

    sort: Literal["opened", "-opened", "expires", "-expires"] = "-opened"
    state: AlertState | None = None
    severity: Severity | None = None
    endpoint: Text | None = None
    serial: Hex | None = None
    subject: Text | None = None
    provisioner: Text | None = None
    search: Text | None = None
    opened_after: Time | None = None
    opened_before: Time | None = None


class AlertDocument(BaseModel):
    """One alert, without its deliveries. Serial numbers are lower-case hexadecimal."""

    id: str
    state: AlertState
    severity: Severity
    subject: str
    names: list[str]
    endpoint: str
    serial: str
    provisioner: str
    not_before: dt.datetime
    not_after: dt.datetime
    life_passed: float
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    successor: str | None

    @classmethod
    def of(cls, notice: Notice, **more: Any) -> Self:
        """Describe a notice."""
        return cls(
            id=notice.id,
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
            **more,
        )


class DeliveryDocument(BaseModel):
    """One delivery of an alert."""

    channel: str
    phase: Phase
    state: DeliveryState
    attempts: int
    attempted_at: dt.datetime | None
    next_attempt_at: dt.datetime | None
    error: str | None
    fallback: str | None

    @classmethod
    def of(cls, record: DeliveryRecord) -> Self:
        """Describe a delivery."""
        return cls(
            channel=record.channel,
            phase=record.phase,
            state=record.state,
            attempts=record.attempts,
            attempted_at=record.attempted_at,
            next_attempt_at=record.next_at if record.state is DeliveryState.PENDING else None,
            error=record.error or None,
            fallback=record.fallback or None,
        )


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
