"""Sees what other workers and replicas have changed, several times a second."""

from typing import Protocol

from newel.validation.answers import AnswerCache
from newel.validation.crls import CrlShelf, PublishedCrl
from newel.validation.status import StatusReader

_MANY = 1000  # changed certificates beyond which the whole cache goes


class LatestCrls(Protocol):
    """Where published CRLs are read."""

    async def latest(self, issuer: str) -> PublishedCrl | None:
        """The signed CRL with the highest number."""
        ...


class Changes:
    """Keeps this worker's memory in step with the store."""

    def __init__(
        self,
        store: StatusReader,
        crls: LatestCrls,
        issuers: tuple[str, ...],
        cache: AnswerCache,
        shelf: CrlShelf,
    ) -> None:
        self._store = store
        self._crls = crls
        self._issuers = issuers
        self._cache = cache
        self._shelf = shelf
        self._change = -1
        self._crl = -1
        self.agreed = 0  # when the store last agreed with the issuing authority; seconds since 1970

    async def look(self) -> None:
        """One look: a single row set when nothing has changed."""
        marks = await self._store.marks()
        if marks.change != self._change:
            await self._purge(marks.change)
        if marks.crl != self._crl:
            for issuer in self._issuers:
                crl = await self._crls.latest(issuer)
                if crl is not None:
                    self._shelf.put(crl)
            self._crl = marks.crl
        self.agreed = marks.agreed

    async def _purge(self, change: int) -> None:
        changed = await self._store.changed_since(self._change, _MANY + 1)
        # fewer marks than before: the store was restored from a backup
        if len(changed) > _MANY or change < self._change:
            self._cache.clear()
        else:
            self._cache.purge(changed)
        self._change = change
