"""Follows what other workers and replicas change, several times a second."""

from newel.validation.crls import CRLCache, CRLStore
from newel.validation.response_cache import ResponseCache
from newel.validation.status import StatusReader

_MAX_PURGE = 1000  # changed certificates beyond which the whole cache is dropped


class Changes:
    """Keeps this worker's memory in step with the store."""

    def __init__(
        self,
        store: StatusReader,
        crls: CRLStore,
        issuers: tuple[str, ...],
        cache: ResponseCache,
        crl_cache: CRLCache,
    ) -> None:
        self._store = store
        self._crls = crls
        self._issuers = issuers
        self._cache = cache
        self._crl_cache = crl_cache
        self._change = -1
        self._crl = -1
        self.agreed = 0  # when the store last agreed with the issuing authority; seconds since 1970

    async def poll(self) -> None:
        """Read the counters, and what they say has changed."""
        counters = await self._store.counters()
        if counters.change != self._change:
            await self._purge(counters.change)
        if counters.crl != self._crl:
            for issuer in self._issuers:
                crl = await self._crls.latest(issuer)
                if crl is not None:
                    self._crl_cache.put(crl)
            self._crl = counters.crl
        self.agreed = counters.agreed

    async def _purge(self, change: int) -> None:
        changed = await self._store.changed_since(self._change, _MAX_PURGE + 1)
        # a counter that went back: the store was restored from a backup
        if len(changed) > _MAX_PURGE or change < self._change:
            self._cache.clear()
        else:
            self._cache.purge(changed)
        self._change = change
