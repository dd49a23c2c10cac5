"""What events missed: the issuing authority's own lists, read from where they were left."""

from collections.abc import AsyncIterable, Callable, Sequence
from typing import Protocol

from newel.inventory.certificate import UnreadableCertificateError
from newel.inventory.config import Reconcile
from newel.inventory.endpoints import CertificateRecord
from newel.inventory.metrics import Metrics
from newel.inventory.projection import Revocation, read_record, read_revocation
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock


class Repository(Protocol):
    """The reading half of the issuing authority that is needed here: its generated stub fits."""

    @property
    def ListIssued(  # noqa: N802 - the contract's name
        self,
    ) -> Callable[[issuing_pb2.ListRequest], AsyncIterable[issuing_pb2.IssuedPage]]:
        """Pages of everything issued past a position."""
        ...

    @property
    def ListRevoked(  # noqa: N802 - the contract's name
        self,
    ) -> Callable[[issuing_pb2.ListRequest], AsyncIterable[issuing_pb2.RevokedPage]]:
        """Pages of everything revoked past a position."""
        ...


class Cursors(Protocol):
    """How far each list has been read."""

    async def cursor(self, name: str) -> int:
        """Return the last settled position; 0 at first."""
        ...

    async def move_cursor(self, name: str, position: int) -> None:
        """Store it; a cursor never goes back."""
        ...


class Catalogue(Protocol):
    """What takes the facts: the projection."""

    async def add_certificates(self, records: Sequence[CertificateRecord]) -> int:
        """Catalogue certificates and return how many of them were new."""
        ...

    async def mark_revoked(self, revocations: Sequence[Revocation]) -> None:
        """Mark certificates as revoked."""
        ...


class Reconciler:
    """Compares the catalogue with the issuing authority.

    Issuances come first, so that every revocation finds its certificate.
    """

    def __init__(
        self,
        repository: Repository,
        catalogue: Catalogue,
        cursors: Cursors,
        clock: Clock,
        config: Reconcile,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._cursors = cursors
        self._clock = clock
        self._config = config
        self._audit = audit
        self._metrics = metrics

    async def run(self) -> None:
        """Compare once, from the cursors to the ends of both lists."""
        settled = self._clock.unix() - self._config.settle.total_seconds()
        await self._reconcile_issued(settled)
        await self._reconcile_revoked(settled)
        self._metrics.reconciled.set(self._clock.unix())

    async def _reconcile_issued(self, settled: float) -> None:
        request = await self._request("issued")
        open_ended = False
        async for page in self._repository.ListIssued(request):
            missed = await self._catalogue.add_certificates(self._readable(page.records))
            self._metrics.missed.inc(missed)
            for record in page.records:
                open_ended = open_ended or record.issued_at.seconds > settled
                if not open_ended:
                    request.after = record.position
            await self._cursors.move_cursor("issued", request.after)

    async def _reconcile_revoked(self, settled: float) -> None:
        request = await self._request("revoked")
        open_ended = False
        async for page in self._repository.ListRevoked(request):
            await self._catalogue.mark_revoked([read_revocation(each) for each in page.revocations])
            for each in page.revocations:
                open_ended = open_ended or each.revoked_at.seconds > settled
                if not open_ended:
                    request.after = each.position
            await self._cursors.move_cursor("revoked", request.after)

    async def _request(self, name: str) -> issuing_pb2.ListRequest:
        after = await self._cursors.cursor(name)
        return issuing_pb2.ListRequest(after=after, page=self._config.page)

    def _readable(self, records: Sequence[issuing_pb2.Record]) -> list[CertificateRecord]:
        readable: list[CertificateRecord] = []
        for record in records:
            try:
                readable.append(read_record(record))
            except UnreadableCertificateError as error:
                self._metrics.unreadable.inc()
                self._audit.record(
                    "inventory.record", "refused", cause=str(error), position=record.position
                )
        return readable
