"""Endpoints that are late for renewal, and those that were and no longer are.

Each endpoint row says when it is to be looked at next, so a tick reads the few rows whose time has
come and never scans. The row is also where the decision falls: an event is written in the same unit as
the change of the row, and a successor that arrives meanwhile makes that unit do nothing.
"""

from dataclasses import dataclass
from typing import Protocol

from newel.inventory.config import Expiry
from newel.inventory.endpoints import own_endpoint
from newel.inventory.metrics import Metrics
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Write
from newel.runtime.events.contract import Outbox

_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class DueEndpoint:
    """An endpoint to look at, with its last certificate; times in seconds since 1970."""

    id: str
    warned: bytes | None  # the serial said to be expiring
    last: bytes | None  # the serial that ends last of those not revoked; None: all are revoked
    common_name: str
    names: tuple[str, ...]
    provisioner: str
    not_before: int
    not_after: int
    warn_at: int | None
    was_reported: bool  # that the last certificate is expiring


class Endpoints(Protocol):
    """The rows that expiry reads and decides on."""

    async def due(self, now: int, limit: int) -> list[DueEndpoint]:
        """Return the endpoints that are due for a look, the most overdue first."""
        ...

    async def merge(self, endpoints: dict[str, str]) -> None:
        """Move what waits in each first endpoint, where there is one, into the second."""
        ...

    async def settle(self, endpoint: DueEndpoint) -> None:
        """Report nothing about this endpoint unless it changes."""
        ...

    async def report_expiring(self, endpoint: DueEndpoint, at: int, event: Write) -> bool:
        """Write the event, unless the endpoint has changed or was reported already."""
        ...

    async def report_renewed(self, endpoint: DueEndpoint, event: Write) -> bool:
        """Write the event and withdraw the warning, unless the endpoint has changed."""
        ...


class ExpiryWatch:
    """Reports once for each certificate that its endpoint is expiring, and once that this is over."""

    def __init__(
        self,
        endpoints: Endpoints,
        outbox: Outbox,
        clock: Clock,
        expiry: Expiry,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._endpoints = endpoints
        self._outbox = outbox
        self._clock = clock
        self._expiry = expiry
        self._audit = audit
        self._metrics = metrics

    async def tick(self) -> None:
        """Check the endpoints that are due; of very many, the rest waits a tick."""
        now = int(self._clock.unix())
        due = await self._endpoints.due(now, _LIMIT)
        said = [await self._look(endpoint, now) for endpoint in due]
        if any(said):
            self._outbox.wake()

    async def _look(self, endpoint: DueEndpoint, now: int) -> bool:
        if endpoint.warned is not None and endpoint.warned != endpoint.last:
            return await self._report_renewed(endpoint)
        forgotten = endpoint.not_after + self._expiry.forget.total_seconds() < now
        if endpoint.last is None or endpoint.warn_at is None or endpoint.was_reported or forgotten:
            await self._endpoints.settle(endpoint)
            return False
        # A renewal that was catalogued beside its predecessor, by another replica at the same
        # moment, waits under the id the predecessor would have opened: look before crying wolf.
        waiting = own_endpoint(endpoint.last)
        if waiting != endpoint.id:
            await self._endpoints.merge({waiting: endpoint.id})
        return await self._report_expiring(endpoint, now)

    async def _report_expiring(self, endpoint: DueEndpoint, now: int) -> bool:
        life = endpoint.not_after - endpoint.not_before
        event = events_pb2.EndpointExpiring(
            endpoint=endpoint.id,
            serial=endpoint.last or b"",
            subject=_subject(endpoint),
            names=endpoint.names,
            provisioner=endpoint.provisioner,
            fraction=round((now - endpoint.not_before) / max(life, 1), 4),
            expired=now > endpoint.not_after,
        )
        event.not_before.FromSeconds(endpoint.not_before)
        event.not_after.FromSeconds(endpoint.not_after)
        write = self._outbox.write(subjects.ENDPOINT_EXPIRING, event.SerializeToString())
        if not await self._endpoints.report_expiring(endpoint, now, write):
            return False
        self._metrics.reported.labels(event="expiring").inc()
        self._audit.record(
            "inventory.endpoint",
            "expiring",
            endpoint=endpoint.id,
            serial=event.serial.hex(),
            not_after=endpoint.not_after,
        )
        return True

    async def _report_renewed(self, endpoint: DueEndpoint) -> bool:
        superseded = endpoint.warned or b""
        event = events_pb2.EndpointRenewed(
            endpoint=endpoint.id, serial=endpoint.last or b"", superseded=superseded
        )
        if endpoint.last is not None:
            event.not_after.FromSeconds(endpoint.not_after)
        write = self._outbox.write(subjects.ENDPOINT_RENEWED, event.SerializeToString())
        if not await self._endpoints.report_renewed(endpoint, write):
            return False
        self._metrics.reported.labels(event="renewed").inc()
        self._audit.record(
            "inventory.endpoint",
            "renewed",
            endpoint=endpoint.id,
            serial=event.serial.hex(),
            superseded=superseded.hex(),
        )
        return True


def _subject(endpoint: DueEndpoint) -> str:
    """Return what to call the endpoint: its common name or else its first SAN."""
    return endpoint.common_name or (endpoint.names[0].partition(":")[2] if endpoint.names else "")
