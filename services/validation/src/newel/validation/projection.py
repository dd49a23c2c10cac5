"""Projects the issuing authority's events onto the statuses of certificates.

It is idempotent and indifferent to order: a revocation that comes before its certificate is recorded,
and the certificate that follows changes nothing about it.
"""

from collections.abc import Callable, Iterable, Sequence

from google.protobuf.message import DecodeError

from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.events.contract import Event, Subscription
from newel.validation.messages import read_issued, read_revocation
from newel.validation.status import CertificateKey, IssuedCertificate, Revocation, StatusWriter

Changed = Callable[[Iterable[CertificateKey]], None]
"""Called with the certificates whose responses are out of date in this process."""


class StatusProjection:
    """The durable consumer ``validation-status``."""

    def __init__(self, store: StatusWriter, changed: Changed, audit: Audit) -> None:
        self._store = store
        self._changed = changed
        self._audit = audit

    def subscription(self) -> Subscription:
        """Return the subscription for the event bus."""
        return Subscription("validation-status", subjects.CERTIFICATES, self.handle)

    async def handle(self, events: Sequence[Event]) -> None:
        """Record one batch.

        An event that cannot be read is audited and skipped: it would hold up every event behind it,
        and reconciliation finds what it meant.
        """
        new: list[IssuedCertificate] = []
        revoked: list[Revocation] = []
        for event in events:
            try:
                self._read(event, new, revoked)
            except (DecodeError, ValueError) as error:
                self._audit.record(
                    "status.projection", "refused", cause=str(error), event_id=event.id
                )
        await self._store.record_issued(new)
        await self._store.record_revoked(revoked)
        self._changed(one.key for one in (*new, *revoked))

    @staticmethod
    def _read(event: Event, new: list[IssuedCertificate], revoked: list[Revocation]) -> None:
        if event.subject == subjects.CERTIFICATE_REVOKED:
            message = events_pb2.CertificateRevoked.FromString(event.payload)
            # a passive revocation stops renewal and is not published
            if message.active:
                revoked.append(read_revocation(message))
        else:
            new.append(read_issued(events_pb2.CertificateIssued.FromString(event.payload)))
