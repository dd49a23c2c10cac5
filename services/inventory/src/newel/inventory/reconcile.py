"""What events missed: the issuing authority's own lists, read from where they were left."""

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from typing import Protocol, TypeAlias

from newel.inventory.certificate import UnreadableCertificateError
from newel.inventory.config import Reconcile
from newel.inventory.endpoints import CertificateRecord
from newel.inventory.metrics import Metrics
from newel.inventory.projection import Revocation, read_record, read_revocation
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock

ReadIssued: TypeAlias = Callable[[issuing_pb2.ListRequest], AsyncIterable[issuing_pb2.IssuedPage]]
ReadRevoked: TypeAlias = Callable[[issuing_pb2.ListRequest], AsyncIterable[issuing_pb2.RevokedPage]]


class Repository(Protocol):
    """The reading half of the issuing authority that is needed here: its generated stub fits."""

    @property
    def ListIssued(  # noqa: N802 - the contract's name
        self,
    ) -> ReadIssued:
        """Pages of everything issued past a position."""
        ...

    @property
    def ListRevoked(  # noqa: N802 - the contract's name
        self,
    ) -> ReadRevoked:
        """Pages of everything revoked past a position."""
        ...

    @property
    def ListSSHIssued(  # noqa: N802 - the contract's name
        self,
    ) -> ReadIssued:
        """Pages of every SSH certificate issued past a position."""
        ...

    @property
    def ListSSHRevoked(  # noqa: N802 - the contract's name
        self,
    ) -> ReadRevoked:
        """Pages of every SSH certificate revoked past a position."""
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
        self._running = asyncio.Lock()

    async def run(self) -> None:
        """Compare once, from the cursors to the ends of all lists. Raises grpc.RpcError."""
        async with self._running:
            await self._compare()

    async def _compare(self) -> None:
        settled = self._clock.unix() - self._config.settle.total_seconds()
        own = self._repository
        await self._reconcile_issued("issued", own.ListIssued, settled)
        await self._reconcile_revoked("revoked", own.ListRevoked, settled)
        await self._reconcile_issued("ssh-issued", own.ListSSHIssued, settled, is_ssh=True)
        await self._reconcile_revoked("ssh-revoked", own.ListSSHRevoked, settled)
        self._metrics.reconciled.set(self._clock.unix())

    async def _reconcile_issued(
        self, name: str, list_issued: ReadIssued, settled: float, *, is_ssh: bool = False
    ) -> None:
        request = await self._request(name)
        open_ended = False
        async for page in list_issued(request):
            records = self._readable(page.records, is_ssh=is_ssh)
            missed = await self._catalogue.add_certificates(records)
            self._metrics.missed.inc(missed)
            for record in page.records:
                open_ended = open_ended or record.issued_at.seconds > settled
                if not open_ended:
                    request.after = record.position
            await self._cursors.move_cursor(name, request.after)

    async def _reconcile_revoked(
        self, name: str, list_revoked: ReadRevoked, settled: float
    ) -> None:
        request = await self._request(name)
        open_ended = False
        async for page in list_revoked(request):
            await self._catalogue.mark_revoked([read_revocation(each) for each in page.revocations])
            for each in page.revocations:
                open_ended = open_ended or each.revoked_at.seconds > settled
                if not open_ended:
                    request.after = each.position
            await self._cursors.move_cursor(name, request.after)

    async def _request(self, name: str) -> issuing_pb2.ListRequest:
        after = await self._cursors.cursor(name)
        return issuing_pb2.ListRequest(after=after, page=self._config.page)

    def _readable(
        self, records: Sequence[issuing_pb2.Record], *, is_ssh: bool
    ) -> list[CertificateRecord]:
        readable: list[CertificateRecord] = []
        for record in records:
            try:
                readable.append(read_record(record, is_ssh=is_ssh))
            except UnreadableCertificateError as error:
                self._metrics.unreadable.inc()
                self._audit.record(
                    "inventory.record", "refused", cause=str(error), position=record.position
                )
        return readable
