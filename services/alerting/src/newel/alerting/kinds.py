"""The kinds of alerts, one entry each: what a message says, and where it is written what to do.

A kind has a section of its name in ``docs/alerts.md``; a test holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

EXPIRING = "expiring"
"""A certificate that is late for renewal, or has expired; its texts depend on what became of it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert; ``{}`` in a text stands for the subject."""

    name: str
    opened: str
    resolved: str
    advice: str
    """What to do, in a sentence or two; its section of ``docs/alerts.md`` has more."""


KINDS: Mapping[str, Kind] = {
    each.name: each
    for each in (
        Kind(
            EXPIRING,
            "Certificate of {} is about to expire",
            "Resolved: {} has a new certificate",
            "See on its host why it is not renewed, and renew it; revoke it if nothing uses it any more.",
        ),
    )
}
"""Every kind, by its name."""
