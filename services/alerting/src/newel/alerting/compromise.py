"""The alert about an endpoint whose key was compromised, of which there is one for each key."""

import datetime as dt

from newel.alerting.kinds import COMPROMISED
from newel.alerting.notices import Notice, Severity, plain
from newel.proto.events.v1 import events_pb2

_LONGEST = 60
"""The most characters of another endpoint's name."""


def compromise_id(endpoint: str, key: bytes) -> str:
    """Return the id of the notice; ``key`` is the digest of the public key, empty when it is not known."""
    return f"{COMPROMISED}-{endpoint}-{key.hex()[:16]}"


def describe_compromise(event: events_pb2.EndpointCompromised, now: dt.datetime) -> Notice:
    """Return the notice, which says what else depends on the key."""
    begin, end = event.not_before.ToDatetime(dt.UTC), event.not_after.ToDatetime(dt.UTC)
    life = max((end - begin).total_seconds(), 1)
    return Notice(
        id=compromise_id(event.endpoint, event.key),
        kind=COMPROMISED,
        endpoint=event.endpoint,
        serial=event.serial,
        subject=event.subject,
        names=tuple(event.names),
        provisioner=event.provisioner,
        not_before=begin,
        not_after=end,
        life_passed=round(min(max((now - begin).total_seconds() / life, 0), 1), 4),
        severity=Severity.CRITICAL,
        opened_at=now,
        owner=event.owner,
        detail=_tell_reach(event),
    )


def _tell_reach(event: events_pb2.EndpointCompromised) -> str:
    if not event.key:
        return "What else is on its key is not known."
    certificates = _count(event.certificates, "certificate")
    text = f"{certificates} of {_count(event.endpoints, 'endpoint')} that have not expired are on its key"
    others = [plain(each, _LONGEST) for each in event.others]
    if not others:
        return f"{text}."
    more = event.endpoints - 1 - len(others)
    return f"{text}: also {', '.join(others)}{f' and {more} more' if more > 0 else ''}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
