"""Whether this worker can answer, for its metrics and for whoever asks if it is ready."""

from collections.abc import Sequence

from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.work import run_in_thread
from newel.validation.answers import AnswerCache
from newel.validation.authorities import Authorities
from newel.validation.changes import Changes
from newel.validation.crls import CrlShelf
from newel.validation.delegation import UnfitResponderError
from newel.validation.metrics import Metrics
from newel.validation.offline import OfflineIssuer


class Watch:
    """Every worker's own: is it able to answer, and what do its metrics say."""

    def __init__(
        self, authorities: Authorities, offline: Sequence[OfflineIssuer], shelf: CrlShelf,
        changes: Changes, cache: AnswerCache, clock: Clock, metrics: Metrics, max_lag: int,
    ) -> None:  # fmt: skip
        self._authorities = authorities
        self._offline = offline
        self._shelf = shelf
        self._changes = changes
        self._cache = cache
        self._clock = clock
        self._metrics = metrics
        self._max_lag = max_lag

    async def refresh(self) -> None:
        """Reads the responders' certificates again and shows where things stand."""
        now = int(self._clock.unix())
        self._metrics.lag.set(max(0, now - self._changes.agreed))
        self._metrics.cached.set(len(self._cache))
        for authority in self._authorities:
            await run_in_thread(authority.delegation.refresh)
            self._metrics.responder_not_after.labels(authority.id).set(
                authority.delegation.fit_until(now)
            )
            crl = self._shelf.crl(authority.id)
            if crl is not None:
                self._metrics.crl_number.labels(authority.id).set(crl.number)
                self._metrics.crl_entries.labels(authority.id).set(crl.entries)
                self._metrics.crl_octets.labels(authority.id).set(len(crl.der))
                self._metrics.crl_next_update.labels(authority.id).set(crl.next_update)

        for issuer in self._offline:
            await run_in_thread(issuer.refresh)
            issuer.remind(now)
            self._metrics.offline_crl_next_update.labels(issuer.id).set(issuer.next_update)

    async def ready(self) -> None:
        """Raises NewelError ``unavailable`` with what is missing."""
        now = int(self._clock.unix())
        agreed = self._changes.agreed
        if now >= agreed + self._max_lag or is_future(agreed, now):
            raise _missing("revocations were not compared with the issuing authority's lately")
        for authority in self._authorities:
            try:
                authority.delegation.responder(now)
            except UnfitResponderError as unfit:
                raise _missing(f"no OCSP responder for {authority.id}: {unfit}") from None
            crl = self._shelf.crl(authority.id)
            if not authority.signs_crls:
                continue
            if crl is None or now >= crl.next_update or is_future(crl.this_update, now):
                raise _missing(f"no valid CRL of {authority.id} is published")


def _missing(what: str) -> NewelError:
    return NewelError(ErrorType.UNAVAILABLE, what)
