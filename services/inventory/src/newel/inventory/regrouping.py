"""Puts certificates that earlier versions catalogued as endpoints of their own where they belong.

Until the rules of `newel.inventory.endpoints` knew ACME orders and the authority's own certificates,
each of these opened an endpoint that nothing could renew, and that was reported as expiring. A
catalogue of that time is put right once: the endpoints are merged, and every warning that is still
open is taken back.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from newel.inventory.endpoints import CertificateRecord, first_endpoint
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.database.contract import Write
from newel.runtime.events.contract import Outbox

_DONE = "regrouped"
_PAGE = 500


class Opener(NamedTuple):
    """An endpoint and the certificate that opened it."""

    endpoint: str
    record: CertificateRecord


class ReportedCertificate(NamedTuple):
    """A certificate that was once reported as expiring, and what its endpoint has now."""

    position: int
    serial: bytes
    endpoint: str
    last: bytes | None  # the endpoint's certificate that expires last; None: all are revoked


class Endpoints(Protocol):
    """The rows that regrouping reads and moves."""

    async def openers(self, after: str, limit: int) -> Sequence[Opener]:
        """Endpoints that an ACME order or the authority itself opened, by id, past ``after``."""
        ...

    async def move(self, source: str, target: str) -> None:
        """Move all certificates of an endpoint into another and drop its open warning."""
        ...

    async def reported_certificates(self, after: int, limit: int) -> Sequence[ReportedCertificate]:
        """Certificates of the same two origins that were reported, by position, past ``after``."""
        ...

    async def mark_warned(self, endpoint: str, serial: bytes) -> None:
        """Record that a warning about the endpoint's last certificate is open."""
        ...

    async def write(self, event: Write) -> None:
        """Write an event."""
        ...

    async def cursor(self, name: str) -> int:
        """Return a stored position; 0 at first."""
        ...

    async def move_cursor(self, name: str, position: int) -> None:
        """Store a position."""
        ...


class Regrouper:
    """Runs once for a catalogue; when it is interrupted, it runs again from the start."""

    def __init__(self, endpoints: Endpoints, outbox: Outbox, audit: Audit) -> None:
        self._endpoints = endpoints
        self._outbox = outbox
        self._audit = audit
        self._done = False

    async def run(self) -> None:
        """Move every misplaced certificate, unless this was done before."""
        if self._done:
            return
        if not await self._endpoints.cursor(_DONE):
            moved = await self._move_all()
            if moved:
                await self._settle_warnings()
                self._outbox.wake()
                self._audit.record("inventory.regrouping", "done", endpoints=moved)
            await self._endpoints.move_cursor(_DONE, 1)
        self._done = True

    async def _move_all(self) -> int:
        after, moved = "", 0
        while page := await self._endpoints.openers(after, _PAGE):
            for source, record in page:
                target = first_endpoint(record)
                if target != source:
                    await self._endpoints.move(source, target)
                    moved += 1
            after = page[-1].endpoint
        return moved

    async def _settle_warnings(self) -> None:
        """Take back what a successor answers; keep what is true. Resolving twice does no harm."""
        after = 0
        while page := await self._endpoints.reported_certificates(after, _PAGE):
            for each in page:
                if each.serial == each.last:
                    await self._endpoints.mark_warned(each.endpoint, each.serial)
                else:
                    await self._endpoints.write(self._resolution(each))
            after = page[-1].position

    def _resolution(self, reported: ReportedCertificate) -> Write:
        event = events_pb2.EndpointRenewed(
            endpoint=reported.endpoint, serial=reported.last or b"", superseded=reported.serial
        )
        return self._outbox.write(subjects.ENDPOINT_RENEWED, event.SerializeToString())
