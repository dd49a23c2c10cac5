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
        scopes: tuple[str, ...],
        cache: ResponseCache,
        crl_cache: CRLCache,
    ) -> None:
        self._store = store
        self._crls = crls
        self._scopes = scopes
        self._cache = cache
        self._crl_cache = crl_cache
        self._change: int = -1
        self._crl: int = -1
        self.agreed = 0  # when the store last agreed with the issuing authority; seconds since 1970

    async def poll(self) -> None:
        """Read the counters, and what they say has changed."""
        counters = await self._store.counters()
        if counters.change != self._change:
            await self._purge(counters.change)
        if counters.crl != self._crl:
            await self._read_crls()
            self._crl = counters.crl
        self.agreed = counters.agreed

    async def _read_crls(self) -> None:
        """Read the CRLs that are later than those served: there may be hundreds, and long ones."""
        numbers = await self._crls.numbers()
        for scope in self._scopes:
            served = self._crl_cache.crl(scope)
            if numbers.get(scope, 0) > (served.number if served else 0):
                crl = await self._crls.latest(scope)
                if crl is not None:
                    self._crl_cache.put(crl)

    async def _purge(self, change: int) -> None:
        changed = await self._store.changed_since(self._change, _MAX_PURGE + 1)
        # a counter that went back: the store was restored from a backup
        if len(changed) > _MAX_PURGE or change < self._change:
            self._cache.clear()
        else:
            self._cache.purge(changed)
        self._change = change
