"""Events into the catalogue: certificate issued, renewed, revoked → certificates and endpoints.

Every step may be repeated and may come late: a certificate is taken once, an endpoint's last
certificate only ever moves forward, and what arrives before its predecessor is merged afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import DecodeError

from newel.inventory.certificate import (
    UnreadableCertificateError,
    normalise_serial,
    read_certificate,
)
from newel.inventory.config import Expiry
from newel.inventory.endpoints import CertificateRecord, Placement, find_displaced, place
from newel.inventory.metrics import Metrics
from newel.inventory.ssh_certificate import read_ssh_certificate
from newel.inventory.thresholds import warn_at
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.audit import Audit
from newel.runtime.events.contract import Event

_BATCH = 64
KEY_COMPROMISE = 1
"""The reason of RFC 5280 §5.3.1."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revocation as the issuing authority reported it."""

    serial: bytes
    at: int  # seconds since 1970
    reason: int  # RFC 5280 §5.3.1
    active: bool  # published in OCSP and CRL; otherwise only renewal is refused


class Catalogue(Protocol):
    """The tables the projection fills."""

    async def endpoints_of(self, serials: Sequence[bytes]) -> dict[bytes, str]:
        """Return the endpoints of those of these certificates that are catalogued."""
        ...

    async def add(self, placed: Sequence[Placement], warnings: Sequence[int | None]) -> None:
        """Add certificates, each with the second from which it is late, and advance their endpoints."""
        ...

    async def merge(self, endpoints: dict[str, str]) -> None:
        """Move what waits in each first endpoint, where there is one, into the second."""
        ...

    async def revoke(self, revocations: Sequence[Revocation]) -> None:
        """Mark certificates as revoked and give their endpoints the last of what is left."""
        ...


class Compromises(Protocol):
    """What reports revocations for key compromise."""

    async def revoke(self, revocation: Revocation) -> bool:
        """Revoke a certificate for key compromise and report it; False when there is nothing to report."""
        ...


class Projection:
    """Keeps the catalogue up with the issuing authority's events."""

    def __init__(
        self,
        catalogue: Catalogue,
        compromises: Compromises,
        expiry: Expiry,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._catalogue = catalogue
        self._compromises = compromises
        self._expiry = expiry
        self._audit = audit
        self._metrics = metrics

    async def handle(self, events: Sequence[Event]) -> None:
        """Handle one batch of events. Raises what the database raises; the batch is delivered again.

        Issuances go first: a revocation is of something issued before it.
        """
        issued: list[CertificateRecord] = []
        revoked: list[Revocation] = []
        for event in events:
            try:
                if event.subject in {subjects.CERTIFICATE_REVOKED, subjects.SSH_REVOKED}:
                    revoked.append(
                        read_revocation(events_pb2.CertificateRevoked.FromString(event.payload))
                    )
                else:
                    message = events_pb2.CertificateIssued.FromString(event.payload)
                    issued.append(read_record(message, is_ssh=event.subject in subjects.SSH))
            except (DecodeError, UnreadableCertificateError) as error:
                # It will not get better by coming again, and what is behind it must not wait.
                self._metrics.unreadable.inc()
                self._audit.record(
                    "inventory.event", "refused", cause=str(error), event_id=event.id
                )
        await self.add_certificates(issued)
        await self.mark_revoked(revoked)

    async def add_certificates(self, records: Sequence[CertificateRecord]) -> int:
        """Catalogue certificates and return how many of them were new."""
        new = 0
        for start in range(0, len(records), _BATCH):
            new += await self._add(records[start : start + _BATCH])
        return new

    async def _add(self, records: Sequence[CertificateRecord]) -> int:
        serials = {record.serial for record in records}
        serials.update(record.renewed_from for record in records if record.renewed_from)
        known = await self._catalogue.endpoints_of(sorted(serials))
        fresh = {record.serial: record for record in records if record.serial not in known}
        if not fresh:
            return 0
        placed = place(list(fresh.values()), known)
        await self._catalogue.add(placed, [warn_at(each.record, self._expiry) for each in placed])
        if waiting := find_displaced(placed):
            await self._catalogue.merge(waiting)
        self._metrics.catalogued.inc(len(placed))
        return len(placed)

    async def mark_revoked(self, revocations: Sequence[Revocation]) -> None:
        """Mark certificates as revoked; one that is not catalogued is left to reconciliation."""
        plain = [
            each
            for each in revocations
            if each.reason != KEY_COMPROMISE or not await self._compromises.revoke(each)
        ]
        if plain:
            await self._catalogue.revoke(plain)


def read_record(
    message: events_pb2.CertificateIssued | issuing_pb2.Record, *, is_ssh: bool = False
) -> CertificateRecord:
    """Read the facts of an issuance from its event or from the issuing authority's record."""
    facts = read_ssh_certificate(message.der) if is_ssh else read_certificate(message.der)
    provisioner = message.provisioner
    return CertificateRecord(
        serial=facts.serial,
        issuer=message.issuer,
        facts=facts,
        provisioner=provisioner.name,
        provisioner_type=provisioner.type,
        renewable=provisioner.renewable,
        issued_at=message.issued_at.seconds,
        renewed_from=normalise_serial(message.renewed_from),
        proof=message.subject_of_proof,
    )


def read_revocation(message: events_pb2.CertificateRevoked | issuing_pb2.Revoked) -> Revocation:
    """Read a revocation from its event or from the issuing authority's list."""
    serial = normalise_serial(message.serial)
    return Revocation(serial, message.revoked_at.seconds, message.reason, message.active)
