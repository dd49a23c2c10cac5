"""Notices: what somebody should know, from when it is opened until it is resolved."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Phase = Literal["opened", "resolved"]
Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Notice:
    """An endpoint whose last certificate is late for renewal; times in seconds since 1970."""

    id: str  # "expiring-<serial>": one per certificate, whoever reports it and however often
    endpoint: str
    serial: bytes
    subject: str
    names: tuple[str, ...]  # "dns:a.example" …
    provisioner: str
    not_before: int
    not_after: int
    life_passed: float  # 0.75: three quarters of the lifetime had passed when it was opened
    severity: Severity
    opened_at: int
    resolved_at: int | None = None
    successor: bytes = b""  # serial that resolved it; empty: the certificate was revoked


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell one channel."""

    key: str  # the same for every attempt: receivers drop what they have seen
    phase: Phase
    notice: Notice
    source: str  # which authority it is about


def notice_id(serial: bytes) -> str:
    """The id of the notice about a certificate."""
    return f"expiring-{serial.hex()}"


def message_key(notice: str, phase: str, channel: str) -> str:
    """The idempotency key of a delivery."""
    return f"{notice}.{phase}.{channel}"


def timestamp(seconds: int) -> str:
    """RFC 3339 in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def title(message: Message) -> str:
    """One line that says what happened, without line breaks and within 150 characters."""
    subject = plain(message.notice.subject or message.notice.endpoint, 80)
    if message.phase == "opened":
        ends = "has expired" if message.notice.severity == "critical" else "is about to expire"
        return f"Certificate of {subject} {ends}"
    if message.notice.successor:
        return f"Resolved: {subject} has a new certificate"
    return f"Resolved: certificate of {subject} was revoked"


def facts(message: Message) -> list[tuple[str, str]]:
    """What to show beneath the title, as names and values."""
    notice = message.notice
    rows = [
        ("Subject", notice.subject),
        ("Names", ", ".join(name.partition(":")[2] for name in notice.names)),
        ("Expires", timestamp(notice.not_after)),
        ("Life passed", f"{notice.life_passed:.0%}"),
        ("Provisioner", notice.provisioner),
        ("Serial", notice.serial.hex()),
        ("Endpoint", notice.endpoint),
        ("Authority", message.source),
    ]
    if notice.successor:
        rows.append(("Successor", notice.successor.hex()))
    return [(name, plain(value, 500)) for name, value in rows if value]


def plain(text: str, longest: int) -> str:
    """Text a stranger chose, on one line and no longer than asked for."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= longest else line[: longest - 1] + "…"
