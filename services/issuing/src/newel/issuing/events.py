"""The events of the issuing authority, as messages of ``newel.events.v1``: (subject, payload)."""

from collections.abc import Callable
from typing import Any, NamedTuple

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


def issued_event(signed: SignedIntent) -> Event:
    """Return the event for a completed certificate: a first one, or the renewal of another."""
    message = events_pb2.CertificateIssued(der=signed.der, **_issued_facts(signed))
    renewed = signed.intent.renewed_from
    subject = subjects.CERTIFICATE_RENEWED if renewed else subjects.CERTIFICATE_ISSUED
    return Event(subject, message.SerializeToString())


def revoked_event(entry: RevocationEntry) -> Event:
    """Return the event for a revocation."""
    message = events_pb2.CertificateRevoked(**_revoked_facts(entry))
    return Event(subjects.CERTIFICATE_REVOKED, message.SerializeToString())


def ssh_issued_event(signed: SignedIntent) -> Event:
    """Return the event for a completed SSH certificate."""
    message = events_pb2.SSHCertificateIssued(certificate=signed.der, **_issued_facts(signed))
    subject = subjects.SSH_RENEWED if signed.intent.renewed_from else subjects.SSH_ISSUED
    return Event(subject, message.SerializeToString())


def ssh_revoked_event(entry: RevocationEntry) -> Event:
    """Return the event for the revocation of an SSH certificate."""
    message = events_pb2.SSHCertificateRevoked(**_revoked_facts(entry))
    return Event(subjects.SSH_REVOKED, message.SerializeToString())


def _issued_facts(signed: SignedIntent) -> dict[str, Any]:
    intent = signed.intent
    return {
        "serial": intent.serial,
        "issuer": intent.issuer,
        "provisioner": provisioner_message(intent.provisioner),
        "issued_at": timestamp(intent.created_at),
        "renewed_from": intent.renewed_from or b"",
        "subject_of_proof": intent.subject_of_proof,
        "request_id": intent.request_id,
    }


def _revoked_facts(entry: RevocationEntry) -> dict[str, Any]:
    revocation = entry.revocation
    return {
        "serial": revocation.serial,
        "issuer": revocation.issuer,
        "revoked_at": timestamp(revocation.revoked_at),
        "reason": revocation.reason,
        "active": revocation.active,
        "not_after": timestamp(revocation.not_after),
        "actor": entry.actor,
        "request_id": entry.request_id,
    }


X509_EVENTS = Events(issued_event, revoked_event)
SSH_EVENTS = Events(ssh_issued_event, ssh_revoked_event)
