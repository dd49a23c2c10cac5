"""Alerts about what the registration authority refuses."""

import datetime as dt

from newel.alerting.kinds import BLOCKED_KEY
from newel.alerting.notices import Notice, Severity, plain
from newel.proto.events.v1 import events_pb2

_LONGEST = 60


def describe_refusals(event: events_pb2.RefusalsRaised, now: dt.datetime) -> Notice:
    """Return the notice about a provisioner, or about requests in which none was found."""
    name = plain(event.provisioner, _LONGEST)
    is_blocked = event.kind == BLOCKED_KEY
    if is_blocked:
        detail = f"Requests within a day with a key that was declared compromised: {event.count}."
    else:
        detail = (
            f"{event.count} requests were refused within an hour; in the four weeks before at most"
            f" {event.usual}."
        )
    return Notice(
        id=event.id,
        kind=event.kind,
        endpoint=f"provisioner-{event.provisioner}",
        serial=b"",
        subject=f"provisioner {name}" if name else "requests without a provisioner",
        names=(),
        provisioner=event.provisioner,
        not_before=None,
        not_after=None,
        life_passed=0,
        severity=Severity.CRITICAL if is_blocked else Severity.WARNING,
        opened_at=now,
        detail=detail,
        topic=f"{event.kind}-{event.provisioner}",
    )
