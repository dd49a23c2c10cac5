"""The record of what was issued and revoked, read only."""

from collections.abc import AsyncIterator, Sequence

from newel.issuing.records import CertificateStore, Record, Revocation
from newel.issuing.requests import Lookup
from newel.issuing.revocation import find_certificate
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_DEFAULT_PAGE_SIZE = 1000
_MAX_PAGE_SIZE = 5000


class Records:
    """Finds certificates and lists them page by page."""

    def __init__(self, store: CertificateStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | None]:
        """Find one completed record per look-up, in order; None where there is none."""
        serials = [each.serial for each in lookups if each.serial is not None]
        keys = [each.idempotency_key for each in lookups if each.idempotency_key is not None]
        by_serial = iter(await self._store.by_serial(serials) if serials else [])
        by_key = iter(await self._store.by_key(keys) if keys else [])
        found: list[Record | None] = []
        for each in lookups:
            record = None
            if each.serial is not None:
                record = next(by_serial)
            elif each.idempotency_key is not None:
                record = next(by_key)
            elif each.certificate is not None:
                record = await self._find_exactly(each.certificate)
            found.append(record if record and record.signature else None)
        return found

    async def find_blocked(self, key_digests: Sequence[bytes]) -> list[bool]:
        """Tell of each key whether it was declared compromised."""
        return [await self._store.is_blocked(digest) for digest in key_digests]

    async def list_issued(self, after: int, page_size: int) -> AsyncIterator[list[Record]]:
        """List every completed record past a position, in pages."""
        while True:
            records = await self._store.list_issued(after, _limit(page_size), self._clock.now())
            if not records:
                return
            yield records
            after = records[-1].position

    async def list_revoked(self, after: int, page_size: int) -> AsyncIterator[list[Revocation]]:
        """List every revocation past a position, in pages."""
        while True:
            revocations = await self._store.list_revoked(
                after, _limit(page_size), self._clock.now()
            )
            if not revocations:
                return
            yield revocations
            after = revocations[-1].position

    async def _find_exactly(self, certificate: bytes) -> Record | None:
        try:
            return await find_certificate(self._store, certificate)
        except NewelError as error:
            if error.type is not ErrorType.NOT_FOUND:  # a database out of reach has not said "none"
                raise
            return None


def _limit(page_size: int) -> int:
    return min(page_size or _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE)
