"""Endpoints that are late for renewal or have expired, and those that were late and no longer are.

Each endpoint row says when it is to be looked at next, so a tick reads the few rows whose time has
come and never scans. The row is also where the decision falls: an event is written in the same unit as
the change of the row, and a successor that arrives meanwhile makes that unit do nothing.

That a certificate has no successor is told when it is known (`newel.inventory.completeness`). A revocation
is no lapse: when the current certificate of an endpoint is revoked, nothing is told until there is another
one, though an earlier one may still be valid.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from newel.inventory.completeness import Completeness
from newel.inventory.config import Expiry
from newel.inventory.endpoints import own_endpoint
from newel.inventory.lookup import MetadataQuery, MetadataStore, find_owner
from newel.inventory.metrics import Metrics
from newel.inventory.stages import Moment, Stage, WatchedCertificate, list_stages, reach
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Write
from newel.runtime.events.contract import Outbox

_LIMIT = 1000
_SUBJECTS = {
    Stage.UNRENEWED: subjects.ENDPOINT_UNRENEWED,
    Stage.EXPIRING: subjects.ENDPOINT_EXPIRING,
    Stage.EXPIRED: subjects.ENDPOINT_EXPIRED,
}


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
    said: int = 0  # the last stage that was reported of the last certificate
    provisioner_type: str = ""
    proof: str = ""
    usual: float | None = None  # the part of the lifetime after which it was renewed before
    renewals: int = 0
    due: int | None = None  # this look; who moves it is the one who reports
    compromised: bytes | None = None  # the digest of the key that was revoked for compromise
    key: bytes = b""  # the digest of the last certificate's
    is_replaced: bool = False  # a certificate that followed the last one was revoked

    @property
    def current(self) -> bytes | None:
        """The serial of the certificate in use; None when that is revoked."""
        return None if self.is_replaced else self.last

    @property
    def life(self) -> int:
        """The lifetime of the last certificate in seconds."""
        return self.not_after - self.not_before


class LookResult(NamedTuple):
    """What a look at an endpoint found."""

    moment: Moment | None  # the stage to be said
    look_at: int | None  # when to look again, if ever


class Endpoints(Protocol):
    """The rows that expiry reads and decides on."""

    async def due(self, now: int, limit: int) -> list[DueEndpoint]:
        """Return the endpoints that are due for a look, the most overdue first."""
        ...

    async def merge(self, endpoints: dict[str, str]) -> None:
        """Move what waits in each first endpoint, where there is one, into the second."""
        ...

    async def settle(self, endpoint: DueEndpoint, look_at: int | None) -> None:
        """Report nothing about this endpoint before that second unless it changes."""
        ...

    async def report_late(
        self, endpoint: DueEndpoint, stage: int, at: int, look_at: int | None, event: Write
    ) -> bool:
        """Write the event, unless the endpoint has changed or another one reports it."""
        ...

    async def report_renewed(
        self, endpoint: DueEndpoint, look_at: int | None, event: Write
    ) -> bool:
        """Write the event and withdraw the warning, unless the endpoint has changed."""
        ...


class Replacements(Protocol):
    """Those endpoints whose key was compromised."""

    async def settle(self, endpoint: DueEndpoint) -> bool:
        """Report that an endpoint whose key was compromised has a later certificate on another one."""
        ...


class ExpiryWatch:
    """Reports each stage of a certificate once, and once that its endpoint has another one."""

    def __init__(
        self,
        endpoints: Endpoints,
        replacements: Replacements,
        completeness: Completeness,
        metadata: MetadataStore,
        outbox: Outbox,
        clock: Clock,
        expiry: Expiry,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._endpoints = endpoints
        self._replacements = replacements
        self._completeness = completeness
        self._metadata = metadata
        self._outbox = outbox
        self._clock = clock
        self._expiry = expiry
        self._audit = audit
        self._metrics = metrics

    async def tick(self) -> None:
        """Check the endpoints that are due; of very many, the rest waits a tick."""
        now = int(self._clock.unix())
        self._completeness.note_look(now)
        due = await self._endpoints.due(now, _LIMIT)
        found = [self._find(endpoint, now) for endpoint in due]
        pairs = list(zip(due, found, strict=True))
        if needed := [_needs(*pair) for pair in pairs if pair[1].moment]:
            await self._completeness.establish(max(needed))
        said = [await self._replacements.settle(endpoint) for endpoint in due]
        said += [await self._look(*pair, now) for pair in pairs]
        if any(said):
            self._outbox.wake()

    def _find(self, endpoint: DueEndpoint, now: int) -> LookResult:
        """Find the stage to be said; one that came while no one looked waits for a second look."""
        due = endpoint.due or 0
        moments = list_stages(_watch(endpoint), self._expiry)
        unseen = [
            each
            for each in moments
            if each.at <= now
            and each.stage > endpoint.said
            and not self._completeness.is_seen_to_come(each.at, due)
        ]
        moment, look_at = reach(
            [each for each in moments if each not in unseen], endpoint.said, now
        )
        if unseen:
            again = now + self._completeness.allow_time(endpoint.life)
            look_at = again if look_at is None else min(look_at, again)
        return LookResult(moment, look_at)

    async def _look(self, endpoint: DueEndpoint, found: LookResult, now: int) -> bool:
        if endpoint.warned is not None and endpoint.warned != endpoint.current:
            return await self._report_renewed(endpoint)
        forgotten = endpoint.not_after + self._expiry.forget.total_seconds() < now
        if endpoint.last is None or found.moment is None or forgotten:
            await self._endpoints.settle(endpoint, found.look_at)
            return False
        is_complete = self._completeness.complete_to >= _needs(endpoint, found)
        if not is_complete and (
            # a habit alone is no reason to say what is not known
            found.moment.stage is Stage.UNRENEWED
            or not self._completeness.is_unseen_too_long(endpoint.life, now)
        ):
            return False
        # A renewal that was catalogued beside its predecessor, by another replica at the same
        # moment, waits under the id the predecessor would have opened: look before crying wolf.
        waiting = own_endpoint(endpoint.last)
        if waiting != endpoint.id:
            await self._endpoints.merge({waiting: endpoint.id})
        return await self._report_late(endpoint, found, now, is_complete=is_complete)

    async def _report_late(
        self, endpoint: DueEndpoint, found: LookResult, now: int, *, is_complete: bool
    ) -> bool:
        stage = found.moment.stage if found.moment else Stage.EXPIRING
        life = endpoint.life
        query = MetadataQuery(endpoint.provisioner, endpoint.proof, endpoint.names)
        event = events_pb2.EndpointExpiring(
            endpoint=endpoint.id,
            serial=endpoint.last or b"",
            subject=_subject(endpoint),
            names=endpoint.names,
            provisioner=endpoint.provisioner,
            fraction=round((now - endpoint.not_before) / max(life, 1), 4),
            expired=now > endpoint.not_after,
            owner=await find_owner(self._metadata, query),
            usual=round(endpoint.usual or 0, 4) if stage is Stage.UNRENEWED else 0,
        )
        event.not_before.FromSeconds(endpoint.not_before)
        event.not_after.FromSeconds(endpoint.not_after)
        if not is_complete:
            event.unseen_since.FromSeconds(self._completeness.failed_since or now)
        write = self._outbox.write(_SUBJECTS[stage], event.SerializeToString())
        if not await self._endpoints.report_late(endpoint, stage, now, found.look_at, write):
            return False
        outcome = stage.name.lower()
        self._metrics.reported.labels(event=outcome).inc()
        self._audit.record(
            "inventory.endpoint",
            outcome,
            endpoint=endpoint.id,
            serial=event.serial.hex(),
            not_after=endpoint.not_after,
        )
        return True

    async def _report_renewed(self, endpoint: DueEndpoint) -> bool:
        superseded = endpoint.warned or b""
        event = events_pb2.EndpointRenewed(
            endpoint=endpoint.id, serial=endpoint.current or b"", superseded=superseded
        )
        if endpoint.current is not None:
            event.not_after.FromSeconds(endpoint.not_after)
        write = self._outbox.write(subjects.ENDPOINT_RENEWED, event.SerializeToString())
        # what is late already is reported in the next tick
        moments = list_stages(_watch(endpoint), self._expiry)
        look_at = moments[0].at if moments else None
        if not await self._endpoints.report_renewed(endpoint, look_at, write):
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


def _needs(endpoint: DueEndpoint, found: LookResult) -> int:
    """Return the second to which the catalogue must be complete for what was found to be said."""
    return max(found.moment.at if found.moment else 0, endpoint.due or 0)


def _watch(endpoint: DueEndpoint) -> WatchedCertificate:
    return WatchedCertificate(
        endpoint.not_before,
        endpoint.not_after,
        endpoint.warn_at if endpoint.current else None,
        endpoint.usual,
        endpoint.renewals,
        endpoint.provisioner_type,
    )


def _subject(endpoint: DueEndpoint) -> str:
    """Return what to call the endpoint: its common name or else its first SAN."""
    return endpoint.common_name or (endpoint.names[0].partition(":")[2] if endpoint.names else "")
