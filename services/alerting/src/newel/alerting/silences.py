"""Silences: alerts that match are held back until the silence ends, and told then if they are still open.

A maintenance window is a silence that begins later. The end is part of every silence.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from newel.alerting.notices import Notice
from newel.alerting.rules import matches, subjects_of


@dataclass(frozen=True, slots=True)
class Matchers:
    """What a silence is about. All that is given must match; ``*`` in a pattern stands for any text."""

    kind: str = ""
    severity: str = ""
    owner: str = ""
    endpoint: str = ""
    provisioner: str = ""
    subject: str = ""
    """The subject or one of the names."""

    def match(self, notice: Notice) -> bool:
        """Tell whether a notice is one of those."""
        pairs = (
            (self.kind, [notice.kind]),
            (self.severity, [notice.severity.value]),
            (self.owner, [notice.owner]),
            (self.endpoint, [notice.endpoint]),
            (self.provisioner, [notice.provisioner]),
            (self.subject, subjects_of(notice)),
        )
        return all(not pattern or matches([pattern], texts) for pattern, texts in pairs)


class SilenceState(StrEnum):
    """Whether a silence holds alerts back."""

    PLANNED = "planned"
    ACTIVE = "active"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence, whether it is still to begin, active or over."""

    id: str
    matchers: Matchers
    reason: str
    created_by: str
    created_at: dt.datetime
    starts_at: dt.datetime
    ends_at: dt.datetime
    ended_at: dt.datetime | None = None  # by a person, before its time
    ended_by: str = ""

    def state(self, now: dt.datetime) -> SilenceState:
        """Return what it does now."""
        if self.ended_at is not None or self.ends_at <= now:
            return SilenceState.OVER
        return SilenceState.ACTIVE if self.starts_at <= now else SilenceState.PLANNED


def find_silence(notice: Notice, active: Iterable[Silence]) -> Silence | None:
    """Return the silence that holds a notice back for the longest time; None without any."""
    found = [each for each in active if each.matchers.match(notice)]
    return max(found, key=lambda each: each.ends_at, default=None)
