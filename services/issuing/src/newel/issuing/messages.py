"""Conversion between the messages of ``newel.issuing.v1`` and the values of the domain."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.issuing.assembly import certificate_octets
from newel.issuing.records import Record, Revocation
from newel.issuing.requests import (
    IssueRequest,
    Lookup,
    Provisioner,
    RefusedRequest,
    RenewalRequest,
    RequestedName,
    RevocationRequest,
    malformed_error,
)
from newel.issuing.ssh.issuers import SSHIssuer
from newel.issuing.ssh.requests import SSHIssueRequest, SSHType
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.errors import NewelError

_SSH_TYPES: Mapping[int, SSHType] = {
    pb.SSH_CERTIFICATE_TYPE_USER: "user",
    pb.SSH_CERTIFICATE_TYPE_HOST: "host",
}
_MAX_DURATION = 100 * 366 * 86_400  # seconds; the profiles' own limits are far below


def read_issue_request(message: pb.Request) -> IssueRequest | RefusedRequest:
    """Convert a request; refused when a time or duration in it cannot be represented."""
    try:
        not_before = _read_time(message.not_before) if message.HasField("not_before") else None
        not_after = _read_time(message.not_after) if message.HasField("not_after") else None
        default_duration = _read_duration(message.default_duration_seconds)
    except NewelError as error:
        return _refuse(message, error)
    given = message.extensions
    return IssueRequest(
        message.idempotency_key,
        message.profile,
        message.public_key,
        [Attribute(each.oid, each.value) for each in message.subject],
        [_read_name(each) for each in message.names],
        not_before,
        not_after,
        default_duration,
        read_provisioner(message.provisioner),
        tuple([Extension(e.oid, e.critical, e.value) for e in given]) if given else (),
        message.key_usages,
        message.extended_key_usages,
        message.subject_of_proof,
        message.request_id,
        message.replaces.lstrip(b"\0") or None,
    )


def read_renewal(message: pb.Renewal) -> RenewalRequest | RefusedRequest:
    """Convert a renewal; refused when a duration in it cannot be represented."""
    try:
        max_duration = _read_duration(message.max_duration_seconds)
    except NewelError as error:
        return _refuse(message, error)
    replaced = message.HasField("provisioner")
    return RenewalRequest(
        idempotency_key=message.idempotency_key,
        certificate=message.certificate,
        public_key=message.public_key,
        allow_expired=message.allow_expired,
        max_duration=max_duration,
        provisioner=read_provisioner(message.provisioner) if replaced else None,
        request_id=message.request_id,
    )


def read_revocation(message: pb.RevocationItem) -> RevocationRequest:
    """Convert a request to revoke."""
    named_by_octets = message.WhichOneof("target") == "certificate"
    return RevocationRequest(
        serial=message.serial.lstrip(b"\0"),
        certificate=message.certificate if named_by_octets else None,
        reason=message.reason,
        reason_text=message.reason_text,
        active=message.active,
        actor=message.actor,
        provisioner=message.provisioner,
        request_id=message.request_id,
    )


def read_ssh_revocation(message: pb.RevocationItem) -> RevocationRequest:
    """Convert a request to revoke an SSH certificate, whose serial number is of eight octets."""
    return read_revocation(message)._replace(serial=_ssh_serial(message.serial), certificate=None)


def read_ssh_request(message: pb.SSHRequest) -> SSHIssueRequest | RefusedRequest:
    """Convert a request for an SSH certificate; refused when a time cannot be represented."""
    try:
        valid_after, valid_before = (
            _read_time(message.valid_after),
            _read_time(message.valid_before),
        )
    except NewelError as error:
        digest = hashlib.sha256(message.public_key).digest()
        return RefusedRequest(message.idempotency_key, digest, message.request_id, error)
    return SSHIssueRequest(
        idempotency_key=message.idempotency_key,
        type=_SSH_TYPES.get(message.type),
        public_key=message.public_key,
        key_id=message.key_id,
        principals=tuple(message.principals),
        valid_after=valid_after,
        valid_before=valid_before,
        critical_options={each.name: each.value for each in message.critical_options},
        extensions={each.name: each.value for each in message.extensions},
        provisioner=read_provisioner(message.provisioner),
        subject_of_proof=message.subject_of_proof,
        renewed_from=message.renewed_from or None,
        request_id=message.request_id,
    )


def ssh_issuer_message(issuer: SSHIssuer) -> pb.SSHIssuer:
    """Return the message of an SSH issuer."""
    number = pb.SSH_CERTIFICATE_TYPE_USER
    if issuer.type == "host":
        number = pb.SSH_CERTIFICATE_TYPE_HOST
    return pb.SSHIssuer(
        id=issuer.id, key=issuer.key, type=number, public_key=issuer.wire, active=issuer.active
    )


def read_lookup(message: pb.Lookup) -> Lookup:
    """Convert a look-up."""
    match message.WhichOneof("by"):
        case "serial":
            return Lookup(serial=message.serial.lstrip(b"\0"))
        case "certificate":
            return Lookup(certificate=message.certificate)
        case "idempotency_key":
            return Lookup(idempotency_key=message.idempotency_key)
        case None:
            return Lookup()


def read_ssh_lookup(message: pb.Lookup) -> Lookup:
    """Convert a look-up of an SSH certificate: by serial, or by the key it was issued under."""
    if message.WhichOneof("by") == "serial":
        return Lookup(serial=_ssh_serial(message.serial))
    return read_lookup(message)._replace(certificate=None)


def read_provisioner(message: pb.Provisioner) -> Provisioner:
    """Convert a provisioner; few different ones occur, so that reading their octets is cheapest."""
    return decode_provisioner(message.SerializeToString(deterministic=True))


@lru_cache(maxsize=1024)
def provisioner_message(provisioner: Provisioner) -> pb.Provisioner:
    """Return the message of a provisioner, which is shared and must not be changed."""
    return pb.Provisioner(
        type=provisioner.type,
        name=provisioner.name,
        credential_id=provisioner.credential_id,
        key_values=dict(provisioner.key_values),
        renewable=provisioner.renewable,
        hide_extension=provisioner.hide_extension,
    )


@lru_cache(maxsize=1024)
def encode_provisioner(provisioner: Provisioner) -> bytes:
    """Encode a provisioner for the database."""
    return provisioner_message(provisioner).SerializeToString(deterministic=True)


@lru_cache(maxsize=1024)
def decode_provisioner(octets: bytes) -> Provisioner:
    """Decode a provisioner of the database."""
    message = pb.Provisioner.FromString(octets)
    return Provisioner(
        message.type,
        message.name,
        message.credential_id,
        tuple(sorted(message.key_values.items())),
        message.renewable,
        message.hide_extension,
    )


def record_message(record: Record | None) -> pb.Record:
    """Return the message of a record; an empty one where there is none."""
    if record is None:
        return pb.Record()
    intent = record.intent
    return pb.Record(
        position=record.position,
        der=certificate_octets(record) or b"",
        issuer=intent.issuer,
        provisioner=provisioner_message(intent.provisioner),
        issued_at=timestamp(intent.created_at),
        revoked=revoked_message(record.revocation) if record.revocation else None,
        subject_of_proof=intent.subject_of_proof,
        renewed_from=intent.renewed_from or b"",
    )


def revoked_message(revocation: Revocation) -> pb.Revoked:
    """Return the message of a revocation."""
    return pb.Revoked(
        position=revocation.position,
        serial=revocation.serial,
        issuer=revocation.issuer,
        revoked_at=timestamp(revocation.revoked_at),
        reason=revocation.reason,
        active=revocation.active,
        not_after=timestamp(revocation.not_after),
    )


def timestamp(moment: dt.datetime) -> Timestamp:
    """Return a time as the contracts carry it: in whole seconds."""
    return Timestamp(seconds=int(moment.timestamp()))


def _ssh_serial(serial: bytes) -> bytes:
    return serial.lstrip(b"\0").rjust(8, b"\0")


def _refuse(message: pb.Request | pb.Renewal, error: NewelError) -> RefusedRequest:
    digest = hashlib.sha256(message.public_key).digest()
    return RefusedRequest(message.idempotency_key, digest, message.request_id, error)


def _read_name(message: pb.GeneralName) -> RequestedName:
    kind = message.WhichOneof("name")
    if kind == "dns":  # nearly all are
        return RequestedName(kind, message.dns)
    return RequestedName(kind, getattr(message, kind) if kind else "")


def _read_time(stamp: Timestamp) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(stamp.seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        raise malformed_error("a time outside of the years 1 to 9999") from None


def _read_duration(seconds: int) -> dt.timedelta | None:
    """Convert a duration; 0 means that none was given."""
    if not 0 <= seconds <= _MAX_DURATION:
        raise malformed_error("a validity of no possible length")
    return dt.timedelta(seconds=seconds) if seconds else None
