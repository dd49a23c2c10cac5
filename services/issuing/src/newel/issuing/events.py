"""The events of the issuing authority, as messages of ``newel.events.v1``: (subject, payload)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from newel.issuing.messages import provisioner_message, timestamp
from newel.issuing.records import RevocationEntry, SignedIntent
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2


class Event(NamedTuple):
    """What other services are told in the transaction that makes it true."""

    subject: str
    payload: bytes


class Events(NamedTuple):
    """The events about one kind of certificates."""

    issued: Callable[[SignedIntent], Event]
    revoked: Callable[[RevocationEntry], Event]


def _issued_event(first: str, renewed: str, signed: SignedIntent) -> Event:
    """Return the event for a completed certificate: a first one, or the renewal of another."""
    intent = signed.intent
    message = events_pb2.CertificateIssued(
        der=signed.der,
        serial=intent.serial,
        issuer=intent.issuer,
        provisioner=provisioner_message(intent.provisioner),
        issued_at=timestamp(intent.created_at),
        renewed_from=intent.renewed_from or b"",
        subject_of_proof=intent.subject_of_proof,
        request_id=intent.request_id,
    )
    return Event(renewed if intent.renewed_from else first, message.SerializeToString())


def _revoked_event(subject: str, entry: RevocationEntry) -> Event:
    """Return the event for a revocation."""
    revocation = entry.revocation
    message = events_pb2.CertificateRevoked(
        serial=revocation.serial,
        issuer=revocation.issuer,
        revoked_at=timestamp(revocation.revoked_at),
        reason=revocation.reason,
        active=revocation.active,
        not_after=timestamp(revocation.not_after),
        actor=entry.actor,
        request_id=entry.request_id,
    )
    return Event(subject, message.SerializeToString())


X509_EVENTS = Events(
    partial(_issued_event, subjects.CERTIFICATE_ISSUED, subjects.CERTIFICATE_RENEWED),
    partial(_revoked_event, subjects.CERTIFICATE_REVOKED),
)
SSH_EVENTS = Events(
    partial(_issued_event, subjects.SSH_ISSUED, subjects.SSH_RENEWED),
    partial(_revoked_event, subjects.SSH_REVOKED),
)
