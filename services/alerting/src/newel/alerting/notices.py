"""Notices: what people should know, from when it is opened until it is resolved."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from newel.alerting.kinds import EXPIRING, LATE, find_kind


class Phase(StrEnum):
    """What a message reports."""

    OPENED = "opened"
    ESCALATED = "escalated"
    """It is open still, and was not acknowledged in time."""
    RESOLVED = "resolved"


class Severity(StrEnum):
    """``critical``: something does not work, or is not safe, already."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who said that they look after it, and when."""

    by: str
    at: dt.datetime
    note: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is or was wrong: by default an endpoint whose last certificate is late for renewal.

    An alert that is about no certificate has no serial number, and its names, times and share of the life
    passed are empty.
    """

    id: str  # "expiring-<serial>": one per kind and certificate, however often it is reported
    endpoint: str
    serial: bytes
    subject: str
    names: tuple[str, ...]  # "dns:a.example" …
    provisioner: str
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    life_passed: float  # 0.75: three quarters of the lifetime had passed when it was opened
    severity: Severity
    opened_at: dt.datetime
    resolved_at: dt.datetime | None = None
    successor: bytes = b""  # serial that resolved it; empty: the certificate was revoked
    is_test: bool = False  # made because an administrator tries a channel
    kind: str = EXPIRING  # one of `KINDS`
    owner: str = ""  # who answers for it, as far as it is known
    detail: str = ""  # what was found, in one sentence
    topic: str = (
        ""  # of what is reported again while it lasts; one notice of a topic is open at a time
    )
    acknowledgement: Acknowledgement | None = None
    followed_by: str = ""  # the kind of the alert that took its place, which resolved it
    alerts: int = 0  # of a group: how many it is about; 0: it is one alert
    first: tuple[str, ...] = ()  # of a group: what the first of them are about


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one channel."""

    key: str  # the same for every attempt: receivers drop what they have seen
    phase: Phase
    notice: Notice
    source: str  # which authority it is about
    dashboard: str = ""  # its address, as in ``https://ca.example/dashboard``; "": not known


def notice_id(serial: bytes, kind: str = EXPIRING) -> str:
    """Return the id of the notice of a kind about a certificate."""
    return f"{kind}-{serial.hex()}"


def message_key(notice: str, phase: Phase, channel: str) -> str:
    """Return the idempotency key of a delivery."""
    return f"{notice}.{phase}.{channel}"


def timestamp(moment: dt.datetime) -> str:
    """Return a time as RFC 3339 writes it, in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def title(message: Message) -> str:
    """Say what happened in one line of at most 150 characters."""
    subject = plain(message.notice.subject or message.notice.endpoint, 80)
    if message.notice.is_test:
        is_opened = message.phase is Phase.OPENED
        return (
            f"Test of {subject}: nothing is wrong" if is_opened else f"Resolved: test of {subject}"
        )
    if message.notice.alerts:
        return _name_group(message)
    if message.phase is Phase.ESCALATED:
        return plain(f"Not acknowledged: {_name_fault(message.notice, subject)}", 150)
    if message.phase is Phase.OPENED:
        return _name_fault(message.notice, subject)
    return _name_end(message.notice, subject)


def _name_group(message: Message) -> str:
    many = find_kind(message.notice.kind).many.replace("{}", f"{message.notice.alerts:,}")
    prefix = {Phase.ESCALATED: "Not acknowledged: ", Phase.RESOLVED: "All over: "}
    return prefix.get(message.phase, "") + many


def _name_end(notice: Notice, subject: str) -> str:
    if notice.followed_by:
        return plain(f"Followed: {_say(notice.followed_by, subject)}", 150)
    if notice.kind not in LATE:
        return find_kind(notice.kind).resolved.replace("{}", subject)
    if notice.successor:
        return f"Resolved: {subject} has a new certificate"
    return f"Resolved: certificate of {subject} was revoked"


def _name_fault(notice: Notice, subject: str) -> str:
    if notice.kind == EXPIRING and notice.severity is Severity.CRITICAL:
        return f"Certificate of {subject} has expired"
    return _say(notice.kind, subject)


def _say(kind: str, subject: str) -> str:
    return find_kind(kind).opened.replace("{}", subject)


def facts(message: Message) -> list[tuple[str, str]]:
    """Return what to show beneath the title, as names and values."""
    notice = message.notice
    if notice.is_test:
        return [("Sent", timestamp(notice.opened_at)), ("Authority", plain(message.source, 500))]
    rows = [
        ("Subject", notice.subject),
        ("First of them", ", ".join(notice.first)),
        ("Found", notice.detail),
        ("Names", ", ".join(name.partition(":")[2] for name in notice.names)),
        ("Expires", timestamp(notice.not_after) if notice.not_after else ""),
        ("Life passed", f"{notice.life_passed:.0%}" if notice.not_after else ""),
        ("Provisioner", notice.provisioner),
        ("Owner", notice.owner),
        ("Serial", notice.serial.hex()),
        ("Endpoint", notice.endpoint),
        ("Authority", message.source),
    ]
    if message.phase is not Phase.RESOLVED:
        rows.append(("What to do", find_kind(notice.kind).advice))
    if page := link(message):
        rows.append(("Page", page))
    if notice.successor:
        rows.append(("Successor", notice.successor.hex()))
    return [(name, plain(value, 500)) for name, value in rows if value]


def link(message: Message) -> str:
    """Return the address of the alert's page on the dashboard; "" when that is not known."""
    if not message.dashboard or message.notice.is_test:
        return ""
    base, name = message.dashboard.rstrip("/"), quote(message.notice.id, safe="")
    return f"{base}/alerts?group={name}" if message.notice.alerts else f"{base}/alerts/{name}"


def plain(text: str, longest: int) -> str:
    """Bring text that a client chose onto one line of at most ``longest`` characters."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= longest else line[: longest - 1] + "…"
