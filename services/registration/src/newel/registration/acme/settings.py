"""What the ACME server is told: its provisioners, and limits that hold for all of them."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from newel.registration.provisioners.acme import ACMEProvisioner

VALIDATION_DEADLINE = dt.timedelta(seconds=20)
"""What all tries of one challenge may take together."""

Provisioners = Callable[[str], ACMEProvisioner | None]
"""The enabled ACME provisioner of a name, None when there is none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and times of the ACME server."""

    identifiers: int = 256
    """Of one order."""
    contacts: int = 10
    order_lifetime: dt.timedelta = dt.timedelta(hours=24)
    retention: dt.timedelta = dt.timedelta(days=30)
    """How long orders, and the certificates' URLs with them, are kept."""
    max_past_start: dt.timedelta = dt.timedelta(minutes=5)
    """How far notBefore may lie in the past."""
    latest_start: dt.timedelta = dt.timedelta(hours=1)
    """How far it may lie in the future."""
    concurrent_validations: int = 32
    queued_validations: int = 1024
    validation_deadline: dt.timedelta = VALIDATION_DEADLINE
    """For all tries of one challenge together."""
    validation_pauses: tuple[float, ...] = (0.5, 2.0, 5.0)
    """Seconds between tries, when the client's server or name server could not be reached."""
    lost_after: dt.timedelta = dt.timedelta(seconds=60)
    """Age from which an unfinished validation or finalization counts as lost in a crash."""
    validation_tries: int = 4
    """How often a validation that a crash interrupted is taken up again before it is given up."""
    finalization_tries: int = 9
    """The same of a finalization, also when the issuing authority does not answer: some five minutes."""
    longest_pause: dt.timedelta = dt.timedelta(seconds=60)
    """Between two tries of a finalization; the first is two seconds, each next one twice as long."""
