"""Certificates that are revoked for key compromise: who is told, and what else depends on the key.

The event is written in the same unit as the revocation, so that it is said once for each certificate.
The endpoint keeps the key until it has a later certificate on another one.
"""

import datetime as dt
from typing import NamedTuple, Protocol

from newel.inventory.expiry import DueEndpoint
from newel.inventory.lookup import MetadataQuery, MetadataStore, find_owner
from newel.inventory.projection import Revocation
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Write
from newel.runtime.events.contract import Outbox

NAMED = 10
"""How many of the other endpoints an event names."""


class CompromisedCertificate(NamedTuple):
    """A certificate as the catalogue has it; times in seconds since 1970."""

    serial: bytes
    endpoint: str
    common_name: str
    names: tuple[str, ...]
    provisioner: str
    proof: str
    not_before: int
    not_after: int
    key: bytes  # its digest; empty when it was not read


class Reach(NamedTuple):
    """What has or had certificates on a key that are not expired."""

    certificates: int
    endpoints: int
    others: tuple[str, ...]  # what other endpoints are called, the first of them


class Compromises(Protocol):
    """The rows that compromise reads and decides on."""

    async def find(self, serial: bytes) -> CompromisedCertificate | None:
        """Read a certificate; None for one that is not catalogued."""
        ...

    async def reach(self, of: CompromisedCertificate, at: int, limit: int) -> Reach:
        """Count what depends on its key at that second, and name at most so many other endpoints."""
        ...

    async def revoke(
        self, revocation: Revocation, of: CompromisedCertificate, event: Write
    ) -> bool:
        """Mark the certificate and its endpoint, and write the event, unless that was done."""
        ...

    async def forget(self, endpoint: DueEndpoint, event: Write) -> bool:
        """Write the event, if the last certificate is a later one on another key."""
        ...


class CompromiseReporter:
    """Reports each compromised endpoint, and that it has a certificate on another key."""

    def __init__(
        self,
        rows: Compromises,
        metadata: MetadataStore,
        outbox: Outbox,
        clock: Clock,
        forget: dt.timedelta,
        audit: Audit,
    ) -> None:
        self._rows = rows
        self._metadata = metadata
        self._outbox = outbox
        self._clock = clock
        self._forget = forget.total_seconds()
        self._audit = audit

    async def revoke(self, revocation: Revocation) -> bool:
        """Revoke a certificate for key compromise and report it; False when there is nothing to report.

        That is so of one that is not catalogued, and of a revocation that was found long afterwards.
        """
        found = await self._rows.find(revocation.serial)
        if found is None or self._clock.unix() - revocation.at > self._forget:
            return False
        reach = await self._rows.reach(found, revocation.at, NAMED)
        query = MetadataQuery(found.provisioner, found.proof, found.names)
        event = events_pb2.EndpointCompromised(
            endpoint=found.endpoint,
            serial=found.serial,
            subject=found.common_name or found.endpoint,
            names=found.names,
            provisioner=found.provisioner,
            owner=await find_owner(self._metadata, query),
            key=found.key,
            certificates=reach.certificates,
            endpoints=reach.endpoints,
            others=reach.others,
        )
        event.not_before.FromSeconds(found.not_before)
        event.not_after.FromSeconds(found.not_after)
        write = self._outbox.write(subjects.ENDPOINT_COMPROMISED, event.SerializeToString())
        if await self._rows.revoke(revocation, found, write):
            self._outbox.wake()
            self._audit.record(
                "inventory.endpoint",
                "compromised",
                endpoint=found.endpoint,
                serial=found.serial.hex(),
                endpoints=reach.endpoints,
            )
        return True

    async def settle(self, endpoint: DueEndpoint) -> bool:
        """Report that an endpoint whose key was compromised has a later certificate on another one."""
        if endpoint.compromised is None or endpoint.last is None or not endpoint.key:
            return False
        event = events_pb2.EndpointRekeyed(
            endpoint=endpoint.id, serial=endpoint.last, compromised=endpoint.compromised
        )
        write = self._outbox.write(subjects.ENDPOINT_REKEYED, event.SerializeToString())
        if endpoint.key == endpoint.compromised or not await self._rows.forget(endpoint, write):
            return False
        self._audit.record("inventory.endpoint", "rekeyed", endpoint=endpoint.id)
        return True
