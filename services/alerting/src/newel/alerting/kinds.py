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


KINDS: Mapping[str, Kind] = {
    each.name: each
    for each in (
        Kind(
            EXPIRING, "Certificate of {} is about to expire", "Resolved: {} has a new certificate"
        ),
    )
}
"""Every kind, by its name."""
