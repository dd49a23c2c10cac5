"""The events of the issuing authority, as messages of ``newel.events.v1``."""

from google.protobuf.timestamp_pb2 import Timestamp

from newel.issuing.records import Event, Intent, Revocation
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb


def issued(intent: Intent, der: bytes, request_id: str) -> Event:
    """A certificate was completed: its first, or the renewal of another."""
    message = events_pb2.CertificateIssued(
        der=der,
        serial=intent.serial,
        issuer=intent.issuer,
        provisioner=pb.Provisioner.FromString(intent.provisioner),
        issued_at=Timestamp(seconds=intent.created_at),
        renewed_from=intent.renewed_from or b"",
        subject_of_proof=intent.subject_of_proof,
        request_id=request_id,
    )
    subject = subjects.CERTIFICATE_RENEWED if intent.renewed_from else subjects.CERTIFICATE_ISSUED
    return Event(subject, message.SerializeToString())


def revoked(revocation: Revocation, actor: str, request_id: str) -> Event:
    """A certificate was revoked."""
    message = events_pb2.CertificateRevoked(
        serial=revocation.serial,
        issuer=revocation.issuer,
        revoked_at=Timestamp(seconds=revocation.revoked_at),
        reason=revocation.reason,
        active=revocation.active,
        not_after=Timestamp(seconds=revocation.not_after),
        actor=actor,
        request_id=request_id,
    )
    return Event(subjects.CERTIFICATE_REVOKED, message.SerializeToString())
