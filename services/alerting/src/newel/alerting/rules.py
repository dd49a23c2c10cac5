"""Routes notices to channels."""

import fnmatch
from dataclasses import dataclass

from newel.alerting.config import Config, Rule
from newel.alerting.notices import Notice


@dataclass(frozen=True, slots=True)
class Route:
    """A channel, and the one that gets the message when the channel has failed for good ("": none)."""

    channel: str
    fallback: str


def routes(notice: Notice, config: Config) -> list[Route]:
    """Route a notice to every channel once, in the order of the rules; without rules, to all channels."""
    rules = config.rules or ((Rule(channels=tuple(config.channels)),) if config.channels else ())
    found: dict[str, Route] = {}
    for rule in rules:
        if _concerns(rule, notice):
            for channel in rule.channels:
                fallback = "" if rule.fallback == channel else rule.fallback
                found.setdefault(channel, Route(channel, fallback))
    return list(found.values())


def _concerns(rule: Rule, notice: Notice) -> bool:
    subjects = [notice.subject, *(name.partition(":")[2] for name in notice.names)]
    return (
        notice.severity in rule.severities
        and _matches(rule.provisioners, [notice.provisioner])
        and _matches(rule.subjects, subjects)
    )


def _matches(patterns: tuple[str, ...], texts: list[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(text.casefold(), pattern.casefold())
        for pattern in patterns
        for text in texts
    )
