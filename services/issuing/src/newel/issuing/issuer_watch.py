"""When issuers end: said at start and every day, long before, and refused in one line once it is so."""

import datetime as dt
import logging

from newel.issuing.issuer_files import UnusableIssuerError
from newel.issuing.issuers import Issuer, Issuers, describe_end
from newel.issuing.metrics import Metrics
from newel.runtime.clock import Clock

_log = logging.getLogger("newel.issuing")

_NEAR = dt.timedelta(days=90)
_MAKE_ANOTHER = "make a new intermediate (docs/runbooks/key-ceremony.md)"


class IssuerWatch:
    """Looks at the ends of the issuers."""

    def __init__(self, issuers: Issuers, clock: Clock, metrics: Metrics) -> None:
        self._issuers = issuers
        self._clock = clock
        self._metrics = metrics

    def require_one(self) -> None:
        """Raise :class:`UnusableIssuerError` unless an issuer can issue now."""
        now = self._clock.now()
        active = [issuer for issuer in self._issuers.all() if issuer.active]
        if not any(issuer.not_before <= now < issuer.not_after for issuer in active):
            ends = "; ".join(map(describe_end, active))
            raise UnusableIssuerError(f"{ends}; now is {now:%Y-%m-%d %H:%M} UTC; {_MAKE_ANOTHER}")

    async def run(self) -> None:
        """Look once: the metric, and a warning for each issuer that ends soon."""
        now = self._clock.now()
        for issuer in self._issuers.all():
            self._metrics.issuer_ends(issuer.id, issuer.not_after.timestamp())
            if issuer.active and issuer.not_after - now < _notice(issuer):
                _log.warning(
                    "%s; certificates end no later than that; %s",
                    describe_end(issuer),
                    _MAKE_ANOTHER,
                )


def _notice(issuer: Issuer) -> dt.timedelta:
    """How long before its end an issuer is warned of: of a short life a third."""
    return min(_NEAR, (issuer.not_after - issuer.not_before) / 3)
