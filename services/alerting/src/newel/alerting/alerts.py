"""Alerts and their deliveries as administrators see them."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from newel.alerting.notices import Phase


class AlertState(StrEnum):
    """An alert is open until its endpoint has a new certificate or the old one is revoked."""

    OPEN = "open"
    RESOLVED = "resolved"


class DeliveryState(StrEnum):
    """What became of a delivery; ``cancelled``: the alert was resolved before it was sent."""

    PENDING = "pending"
    DELIVERED = "delivered"
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
