"""The record of what was issued and revoked, read only."""

from collections.abc import AsyncIterator, Sequence

from newel.issuing.records import CertificateStore, Record, Revocation
from newel.issuing.revocation import find_certificate
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_PAGE = 1000
_LARGEST_PAGE = 5000


class Records:
    """Looks certificates up and walks through them, page by page."""

    def __init__(self, store: CertificateStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, lookups: Sequence[pb.Lookup]) -> list[Record | None]:
        """One completed record per look-up, in order; None where there is none."""
        found: list[Record | None] = [None] * len(lookups)
        for by in ("serial", "idempotency_key"):
            at = [i for i, lookup in enumerate(lookups) if lookup.WhichOneof("by") == by]
            if not at:
                continue
            if by == "serial":
                records = await self._store.by_serial([lookups[i].serial.lstrip(b"\0") for i in at])
            else:
                records = await self._store.by_key([lookups[i].idempotency_key for i in at])
            for i, record in zip(at, records, strict=True):
                found[i] = record
        for i, lookup in enumerate(lookups):
            if lookup.WhichOneof("by") == "certificate":
                found[i] = await self._exactly(lookup.certificate)
        return [record if record and record.signature else None for record in found]

    async def issued(self, after: int, page: int) -> AsyncIterator[list[Record]]:
        """Every completed record past a position, in pages."""
        while True:
            records = await self._store.issued(after, _size(page), int(self._clock.unix()))
            if not records:
                return
            yield records
            after = records[-1].position

    async def revoked(self, after: int, page: int) -> AsyncIterator[list[Revocation]]:
        """Every revocation past a position, in pages."""
        while True:
            revocations = await self._store.revoked(after, _size(page), int(self._clock.unix()))
            if not revocations:
                return
            yield revocations
            after = revocations[-1].position

    async def _exactly(self, certificate: bytes) -> Record | None:
        try:
            return await find_certificate(self._store, certificate)
        except NewelError as error:
            if error.type is not ErrorType.NOT_FOUND:  # a database that is away has not said "none"
                raise
            return None


def _size(asked: int) -> int:
    return min(asked or _PAGE, _LARGEST_PAGE)
