"""Watches when issuers expire: warns long before, and refuses to start when none can issue."""

import datetime as dt
import logging

from newel.issuing.issuer_files import UnusableIssuerError
from newel.issuing.issuers import Issuer, Issuers, describe_validity
from newel.issuing.metrics import Metrics
from newel.runtime.clock import Clock

_log = logging.getLogger("newel.issuing")

_MAX_NOTICE = dt.timedelta(days=90)
_ADVICE = "make a new intermediate (docs/runbooks/key-ceremony.md)"


class IssuerWatch:
    """Compares the issuers' validity with the clock."""

    def __init__(self, issuers: Issuers, clock: Clock, metrics: Metrics) -> None:
        self._issuers = issuers
        self._clock = clock
        self._metrics = metrics

    def require_one(self) -> None:
        """Raise :class:`UnusableIssuerError` unless an issuer can issue now."""
        now = self._clock.now()
        active = [issuer for issuer in self._issuers.all() if issuer.active]
        if not any(issuer.not_before <= now < issuer.not_after for issuer in active):
            ends = "; ".join(map(describe_validity, active))
            raise UnusableIssuerError(f"{ends}; now is {now:%Y-%m-%d %H:%M} UTC; {_ADVICE}")

    async def run(self) -> None:
        """Set the metric once, and warn of each issuer that expires soon."""
        now = self._clock.now()
        for issuer in self._issuers.all():
            self._metrics.set_issuer_not_after(issuer.id, issuer.not_after)
            if issuer.active and issuer.not_after - now < _notice(issuer):
                _log.warning(
                    "%s; certificates expire no later than that; %s",
                    describe_validity(issuer),
                    _ADVICE,
                )


def _notice(issuer: Issuer) -> dt.timedelta:
    """Return how long before its expiry to warn of an issuer: a third of a short life."""
    return min(_MAX_NOTICE, (issuer.not_after - issuer.not_before) / 3)
