"""Whether this worker can answer: its readiness and its gauges."""

from collections.abc import Sequence

from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.work import run_in_thread
from newel.validation.changes import Changes
from newel.validation.crls import CRLCache
from newel.validation.delegation import UnusableResponderError
from newel.validation.issuers import Issuers
from newel.validation.krl.publisher import KRLCache
from newel.validation.metrics import Metrics
from newel.validation.offline import OfflineIssuer
from newel.validation.response_cache import ResponseCache
from newel.validation.scopes import Scope


class Watch:
    """Checks what one worker serves."""

    def __init__(
        self,
        issuers: Issuers,
        offline: Sequence[OfflineIssuer],
        scopes: Sequence[Scope],
        crl_cache: CRLCache,
        changes: Changes,
        cache: ResponseCache,
        clock: Clock,
        metrics: Metrics,
        max_lag: int,
        krl: KRLCache,
    ) -> None:
        self._issuers = issuers
        self._offline = offline
        self._scopes = scopes
        self._crl_cache = crl_cache
        self._changes = changes
        self._cache = cache
        self._clock = clock
        self._metrics = metrics
        self._max_lag = max_lag
        self._krl = krl

    async def refresh(self) -> None:
        """Read the responders' certificates and offline CRLs again, and set the gauges."""
        now = int(self._clock.unix())
        self._metrics.lag.set(max(0, now - self._changes.agreed))
        self._metrics.cached.set(len(self._cache))
        self._metrics.krl_made.set(self._krl.made_at)
        for issuer in self._issuers:
            await run_in_thread(issuer.delegation.refresh)
            self._metrics.responder_not_after.labels(issuer.id).set(
                issuer.delegation.valid_until(now)
            )
            self._measure_crls(issuer.id)
        for issuer in self._offline:
            await run_in_thread(issuer.refresh)
            issuer.remind(now)
            self._metrics.offline_crl_next_update.labels(issuer.id).set(issuer.next_update)

    def _measure_crls(self, issuer: str) -> None:
        """Set the gauges of the complete CRL; of all lists, for the one that ends first."""
        crls = [
            crl
            for scope in self._scopes
            if scope.issuer.id == issuer and (crl := self._crl_cache.crl(scope.id)) is not None
        ]
        complete = self._crl_cache.crl(issuer)
        if complete is not None:
            self._metrics.measure_crl(issuer, complete.number, complete.entries, len(complete.der))
        if crls:
            first = min(each.next_update for each in crls)
            self._metrics.crl_next_update.labels(issuer).set(first)

    async def ready(self) -> None:
        """Raise NewelError ``unavailable`` with what is missing."""
        now = int(self._clock.unix())
        agreed = self._changes.agreed
        if now >= agreed + self._max_lag or is_future(agreed, now):
            raise _unavailable(
                "revocations were not compared with the issuing authority's recently"
            )
        for issuer in self._issuers:
            try:
                issuer.delegation.responder(now)
            except UnusableResponderError as error:
                raise _unavailable(f"no OCSP responder for {issuer.id}: {error}") from None
        for scope in self._scopes:
            crl = self._crl_cache.crl(scope.id)
            if crl is None or now >= crl.next_update or is_future(crl.this_update, now):
                raise _unavailable(f"no valid CRL of {scope.id} is published")
        if await self._krl.is_missing():
            raise _unavailable("no key revocation list of SSH certificates is published")


def _unavailable(what: str) -> NewelError:
    return NewelError(ErrorType.UNAVAILABLE, what)
