"""Alerts as administrators see them: what may be asked, and the JSON that is answered."""

from dataclasses import dataclass
from typing import Any

from newel.alerting.notices import Notice, timestamp
from newel.runtime.database.listing import ListSpec

ALERTS = ListSpec(
    {
        "state": ("open", "resolved"),
        "severity": ("warning", "critical"),
        "endpoint": "text",
        "serial": "hex",
        "subject": "text",
        "provisioner": "text",
        "search": "text",
        "opened_after": "time",
        "opened_before": "time",
    },
    ("opened", "expires"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one message to one channel."""

    channel: str
    phase: str  # opened, resolved
    state: str  # pending, delivered, failed, cancelled
    attempts: int
    attempted_at: int | None  # the last attempt, in seconds since 1970
    next_at: int  # the next attempt while it is pending, in milliseconds since 1970
    error: str  # why the last attempt failed
    fallback: str  # the channel that is told when this one has failed; "": none


def alert_document(notice: Notice) -> dict[str, Any]:
    """One alert, without its deliveries. Serial numbers are lower-case hexadecimal."""
    return {
        "id": notice.id,
        "state": "open" if notice.resolved_at is None else "resolved",
        "severity": notice.severity,
        "subject": notice.subject,
        "names": list(notice.names),
        "endpoint": notice.endpoint,
        "serial": notice.serial.hex(),
        "provisioner": notice.provisioner,
        "not_before": timestamp(notice.not_before),
        "not_after": timestamp(notice.not_after),
        "life_passed": notice.life_passed,
        "opened_at": timestamp(notice.opened_at),
        "resolved_at": None if notice.resolved_at is None else timestamp(notice.resolved_at),
        "successor": notice.successor.hex() or None,
    }


def delivery_document(told: Told) -> dict[str, Any]:
    """One delivery of an alert."""
    pending = told.state == "pending"
    return {
        "channel": told.channel,
        "phase": told.phase,
        "state": told.state,
        "attempts": told.attempts,
        "attempted_at": None if told.attempted_at is None else timestamp(told.attempted_at),
        "next_attempt_at": timestamp(told.next_at // 1000) if pending else None,
        "error": told.error or None,
        "fallback": told.fallback or None,
    }
