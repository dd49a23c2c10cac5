"""The kinds of alerts, one entry each: what a message says, and where it is written what to do.

A kind has a section of its name in ``docs/alerts.md``; a test holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

UNRENEWED = "unrenewed"
"""An endpoint was renewed earlier than this every time before."""
EXPIRING = "expiring"
"""A certificate that is late for renewal."""
EXPIRED = "expired"
"""A certificate that has expired, and has no successor."""
COMPROMISED = "compromised"
"""A certificate was revoked because its key was compromised."""
CRL_LATE = "crl-late"
"""A revocation list was not followed by another one when it was to be."""
CRL_STALE = "crl-stale"
"""The last revocation list has ended."""

REFUSALS = "refusals"
"""Much more is refused than in the weeks before."""
BLOCKED_KEY = "blocked-key"
"""A request showed a key that was declared compromised."""

LATE = (UNRENEWED, EXPIRING, EXPIRED)
"""What is said of one certificate as its lifetime passes: each follows the ones before it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert; ``{}`` in a text stands for the subject."""

    name: str
    opened: str
    many: str
    """The same of several alerts; ``{}`` stands for how many."""
    resolved: str
    advice: str
    """What to do, in a sentence or two; its section of ``docs/alerts.md`` has more."""


KINDS: Mapping[str, Kind] = {
    each.name: each
    for each in (
        Kind(
            UNRENEWED,
            "Certificate of {} was not renewed as usual",
            "{} certificates were not renewed as usual",
            "Resolved: {} has a new certificate",
            "See on its host whether the renewer still runs; acknowledge it if it is to be renewed later.",
        ),
        Kind(
            EXPIRING,
            "Certificate of {} is about to expire",
            "{} certificates are about to expire",
            "Resolved: {} has a new certificate",
            "See on its host why it is not renewed, and renew it; revoke it if nothing uses it any more.",
        ),
        Kind(
            EXPIRED,
            "Certificate of {} has expired",
            "{} certificates have expired",
            "Resolved: {} has a new certificate",
            "Have a new certificate issued now and see why the renewer failed; if nothing uses it any more,"
            " acknowledge this.",
        ),
        Kind(
            COMPROMISED,
            "The key of {} was compromised",
            "The keys of {} endpoints were compromised",
            "Resolved: {} has a certificate on another key",
            "Have a certificate on a new key issued, find out how the key was lost, and revoke all on that key.",
        ),
        Kind(
            CRL_LATE,
            "The revocation list of {} is late",
            "{} revocation lists are late",
            "Resolved: a new revocation list of {} is published",
            "See in the log of validation why it publishes none: the signer, the database or its own task.",
        ),
        Kind(
            CRL_STALE,
            "The revocation list of {} has ended",
            "{} revocation lists have ended",
            "Resolved: a new revocation list of {} is published",
            "Relying parties that check it refuse certificates now. See in the log of validation why it"
            " publishes none.",
        ),
        Kind(
            REFUSALS,
            "Many requests are refused: {}",
            "{} provisioners refuse many requests",
            "Resolved: refusals are as usual again: {}",
            "See in the audit trail of registration who asks and why it is refused: a broken client, or someone"
            " who tries.",
        ),
        Kind(
            BLOCKED_KEY,
            "A compromised key is in use: {}",
            "{} provisioners saw a compromised key",
            "Resolved: no compromised key was seen for a day: {}",
            "See in the audit trail of registration who showed it: its owner needs another key, or someone else"
            " has it.",
        ),
    )
}
"""Every kind, by its name."""


def find_kind(name: str) -> Kind:
    """Return a kind; for one that this version does not know, texts that say so."""
    return KINDS.get(name) or Kind(
        name,
        f"{name} of {{}}",
        f"{{}} alerts of the kind {name}",
        "Resolved: {}",
        "This version of alerting does not know this kind of alert: see the notes of the version that does.",
    )
