"""Alerts and their deliveries as administrators see them."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from newel.alerting.notices import Phase


class AlertState(StrEnum):
    """An alert is open until what it is about is over, such as by a new certificate or a revocation."""

    OPEN = "open"
    RESOLVED = "resolved"


class DeliveryState(StrEnum):
    """What became of a delivery; ``cancelled``: the alert was over before it was sent."""

    PENDING = "pending"
    PLANNED = "planned"
    """Sent when its time comes, unless the alert is acknowledged by then."""
    SILENCED = "silenced"
    """Held back until a silence ends."""
    DELIVERED = "delivered"
    GROUPED = "grouped"
    """Part of a message about many alerts that is to be delivered."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What became of one message to one channel."""

    channel: str
    phase: Phase
    state: DeliveryState
    attempts: int
    attempted_at: dt.datetime | None  # the last attempt
    next_at: dt.datetime  # the next attempt while it is pending
    error: str  # why the last attempt failed
    fallback: str  # the channel that gets it when this one has failed; "": none
    silence: str = ""  # the silence that holds it back
    key: str = ""  # what receivers know it by
    notice: str = ""  # the alert that it is about
    group: str = ""  # the group that it is told in; "": by itself
