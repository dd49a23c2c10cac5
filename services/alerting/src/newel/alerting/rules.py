"""Routes notices to channels."""

import datetime as dt
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from newel.alerting.config import Config, Rule
from newel.alerting.notices import Notice


@dataclass(frozen=True, slots=True)
class Route:
    """A channel, and the one that gets the message when the channel has failed for good ("": none)."""

    channel: str
    fallback: str
    after: dt.timedelta | None = (
        None  # told so much later, unless the alert is acknowledged by then
    )


def routes(notice: Notice, config: Config) -> list[Route]:
    """Route a notice to every channel once, in the order of the rules; without rules, to all channels.

    Those that are told later follow, each channel at the earliest time that a rule names.
    """
    rules = config.rules or ((Rule(channels=tuple(config.channels)),) if config.channels else ())
    found: dict[str, Route] = {}
    later: dict[str, Route] = {}
    for rule in rules:
        if _concerns(rule, notice):
            for channel in rule.channels:
                fallback = "" if rule.fallback == channel else rule.fallback
                found.setdefault(channel, Route(channel, fallback))
            for step in sorted(rule.escalations, key=lambda each: each.after):
                for channel in step.channels:
                    known = later.get(channel)
                    if known is None or known.after is None or step.after < known.after:
                        later[channel] = Route(channel, "", step.after)
    return [*found.values(), *later.values()]


def _concerns(rule: Rule, notice: Notice) -> bool:
    subjects = subjects_of(notice)
    return (
        notice.severity in rule.severities
        and matches(rule.kinds, [notice.kind])
        and matches(rule.owners, [notice.owner])
        and matches(rule.provisioners, [notice.provisioner])
        and matches(rule.subjects, subjects)
    )


def subjects_of(notice: Notice) -> list[str]:
    """Return the subject and the names, without their types."""
    return [notice.subject, *(name.partition(":")[2] for name in notice.names)]


def matches(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    """Tell whether a shell-like pattern fits one of the texts, without regard to case."""
    return any(
        fnmatch.fnmatchcase(text.casefold(), pattern.casefold())
        for pattern in patterns
        for text in texts
    )
