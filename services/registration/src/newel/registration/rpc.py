"""The issuing authority behind a channel: values to messages and back, single calls in batches."""

import datetime as dt
import functools
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto.names import (
    DNSName,
    EmailAddress,
    GeneralName,
    IPAddress,
    PermanentIdentifier,
)
from newel.proto.inventory.v1 import inventory_pb2
from newel.proto.inventory.v1.inventory_pb2_grpc import LookupStub
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1.issuing_pb2_grpc import IssuanceStub, RepositoryStub, RevocationStub
from newel.registration.inventory import InventoryQuestion, Metadata, Principal
from newel.registration.issuance import (
    CertificateRecord,
    IssuedCertificate,
    IssueRequest,
    IssuerRecord,
    KeyBlock,
    ProvisionerRef,
    Renewal,
    RevocationRequest,
)
from newel.runtime.coalescer import Coalescer, is_item_fault
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_from_call, error_from_proto

DEADLINE = 12.0
"""Seconds: step's clients give up after 15."""
_LOOKUP_DEADLINE = 3.0
"""Seconds: nothing is issued without the answer, and the client has to hear why."""
_BATCH_WAIT = 0.01
"""Seconds: about what a batch takes."""
_SECOND = dt.timedelta(seconds=1)

Item = TypeVar("Item")
Result = TypeVar("Result")


class RemoteIssuance:
    """Implements Issuance over a channel, in one process or between two."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._issuance = IssuanceStub(channel)
        self._revocation = RevocationStub(channel)
        self._repository = RepositoryStub(channel)
        self._issue = coalesce_issuance(self._send_issue)
        self._renew = coalesce_issuance(self._send_renew)
        self._revoke = Coalescer(self._send_revoke)
        self._find = Coalescer(self._send_find)

    async def issue(self, request: IssueRequest) -> IssuedCertificate:
        """Issue a certificate."""
        return read_issued_certificate(await self._issue.call(_issue_request(request)))

    async def renew(self, renewal: Renewal) -> IssuedCertificate:
        """Issue the successor of a certificate."""
        return read_issued_certificate(await self._renew.call(_renewal(renewal)))

    async def revoke(self, request: RevocationRequest) -> None:
        """Revoke one certificate."""
        result = await self._revoke.call(revocation_item(request))
        if result.HasField("error"):
            raise error_from_proto(result.error)

    async def find(self, *, serial: bytes = b"", der: bytes = b"") -> CertificateRecord | None:
        """Read the record of a certificate, by its serial or octet by octet."""
        lookup = pb.Lookup(certificate=der) if der else pb.Lookup(serial=serial)
        record = await self._find.call(lookup)
        if not record.der:
            return None
        return CertificateRecord(
            read_provisioner(record.provisioner),
            record.subject_of_proof,
            record.HasField("revoked"),
            record.der,
            record.issuer,
            record.issued_at.ToDatetime(dt.UTC),
        )

    async def is_blocked(self, public_key: bytes) -> bool:
        """Whether a key (DER SubjectPublicKeyInfo) was declared compromised."""
        digest = hashlib.sha256(public_key).digest()
        request = pb.FindBlockedKeysRequest(key_digests=[digest])
        call = self._repository.FindBlockedKeys(request, timeout=DEADLINE)
        (blocked,) = (await translate_errors(call)).blocked
        return blocked

    async def block_key(self, block: KeyBlock) -> bool:
        """Block a key, and revoke what is on it; False when it was blocked before."""
        key = pb.KeyBlock(
            key_digest=block.digest,
            reason_text=block.reason_text,
            active=block.active,
            actor=block.actor,
            request_id=block.request_id,
        )
        call = self._revocation.BlockKeys(pb.BlockKeysRequest(keys=[key]), timeout=DEADLINE)
        (changed,) = (await translate_errors(call)).blocked
        return changed

    async def issuers(self) -> Sequence[IssuerRecord]:
        """List every issuer with its chain and root."""
        call = self._repository.ListIssuers(pb.ListIssuersRequest(), timeout=DEADLINE)
        response = await translate_errors(call)
        return [
            IssuerRecord(each.id, tuple(each.chain), each.root, each.active)
            for each in response.issuers
        ]

    async def _send_issue(self, batch: list[pb.Request]) -> Sequence[pb.IssueResult]:
        request = pb.IssueRequest(requests=batch)
        return (await translate_errors(self._issuance.Issue(request, timeout=DEADLINE))).results

    async def _send_renew(self, batch: list[pb.Renewal]) -> Sequence[pb.IssueResult]:
        request = pb.RenewRequest(renewals=batch)
        return (await translate_errors(self._issuance.Renew(request, timeout=DEADLINE))).results

    async def _send_revoke(self, batch: list[pb.RevocationItem]) -> Sequence[pb.RevokeResult]:
        request = pb.RevokeRequest(items=batch)
        call = self._revocation.Revoke(request, timeout=DEADLINE)
        return (await translate_errors(call)).results

    async def _send_find(self, batch: list[pb.Lookup]) -> Sequence[pb.Record]:
        request = pb.GetCertificateRequest(lookups=batch)
        call = self._repository.GetCertificate(request, timeout=DEADLINE)
        return (await translate_errors(call)).records


async def translate_errors(call: Awaitable[Result]) -> Result:
    """Await a call. Raises NewelError for any failure of it."""
    try:
        return await call
    except grpc.RpcError as error:
        raise error_from_call(error) from error


def coalesce_issuance(
    send: Callable[[list[Item]], Awaitable[Sequence[pb.IssueResult]]],
) -> Coalescer[Item, pb.IssueResult]:
    """Collect single requests for certificates into calls of ``send``; one that fails harms no other.

    Repeated one by one they give the same certificates: what they carry is their identity.
    """
    return Coalescer(send, max_wait=_BATCH_WAIT, is_item_fault=_may_be_one_item)


def _may_be_one_item(error: Exception) -> bool:
    """Tell whether one request may have made the whole call fail, on either side."""
    internal = isinstance(error, NewelError) and error.type is ErrorType.SERVER_INTERNAL
    return internal or is_item_fault(error)


def _issue_request(request: IssueRequest) -> pb.Request:
    message = pb.Request(
        idempotency_key=request.idempotency_key,
        profile=request.profile,
        public_key=request.public_key,
        subject=[pb.Attribute(oid=each.oid, value=each.value) for each in request.subject],
        names=[_general_name(name) for name in request.names],
        not_before=timestamp(request.not_before),
        not_after=timestamp(request.not_after),
        provisioner=provisioner_message(request.provisioner),
        subject_of_proof=request.subject_of_proof,
        request_id=request.request_id,
    )
    # most requests have none of these, and an empty field costs as much as a full one
    if request.default_duration is not None:
        message.default_duration_seconds = max(1, request.default_duration // _SECOND)
    if request.key_usages:
        message.key_usages.extend(request.key_usages)
    if request.extended_key_usages:
        message.extended_key_usages.extend(request.extended_key_usages)
    if request.replaces:
        message.replaces = request.replaces
    for each in request.extensions:
        message.extensions.add(oid=each.oid, critical=each.critical, value=each.value)
    return message


def _renewal(renewal: Renewal) -> pb.Renewal:
    return pb.Renewal(
        idempotency_key=renewal.idempotency_key,
        certificate=renewal.certificate,
        public_key=renewal.public_key,
        allow_expired=renewal.allow_expired,
        max_duration_seconds=renewal.max_duration // _SECOND,
        provisioner=provisioner_message(renewal.provisioner),
        request_id=renewal.request_id,
    )


def revocation_item(request: RevocationRequest) -> pb.RevocationItem:
    """Convert a request to revoke, by the certificate where it is given, else by its serial."""
    item = pb.RevocationItem(
        reason=request.reason,
        reason_text=request.reason_text,
        active=request.active,
        actor=request.actor,
        provisioner=request.provisioner,
        request_id=request.request_id,
    )
    if request.certificate:
        item.certificate = request.certificate
    else:
        item.serial = request.serial
    return item


@functools.lru_cache(maxsize=1024)
def provisioner_message(ref: ProvisionerRef) -> pb.Provisioner:
    """Convert a provisioner; cached, because most requests name one of a few."""
    return pb.Provisioner(
        type=ref.type,
        name=ref.name,
        credential_id=ref.credential_id,
        key_values=dict(ref.key_values),
        renewable=ref.renewable,
        hide_extension=ref.hide_extension,
    )


def read_provisioner(message: pb.Provisioner) -> ProvisionerRef:
    """Convert a provisioner of a record."""
    return ProvisionerRef(
        message.type,
        message.name,
        message.credential_id,
        tuple(message.key_values.items()),
        message.renewable,
        message.hide_extension,
    )


def _general_name(name: GeneralName) -> pb.GeneralName:
    if isinstance(name, DNSName):
        return pb.GeneralName(dns=name.value)
    if isinstance(name, IPAddress):
        return pb.GeneralName(ip=name.value.packed)
    if isinstance(name, EmailAddress):
        return pb.GeneralName(email=name.value)
    if isinstance(name, PermanentIdentifier):
        return pb.GeneralName(permanent_identifier=name.value)
    return pb.GeneralName(uri=name.value)


def timestamp(time: dt.datetime | None) -> Timestamp | None:
    """Convert a time to whole seconds; None stays none."""
    return None if time is None else Timestamp(seconds=int(time.timestamp()))


def read_issued_certificate(result: pb.IssueResult) -> IssuedCertificate:
    """Return the certificate of a result. Raises NewelError for its error."""
    if result.HasField("error"):
        raise error_from_proto(result.error)
    issued = result.certificate
    return IssuedCertificate(issued.der, issued.serial, issued.issuer)


class RemoteInventory:
    """Implements Inventory over a channel, in one process or between two."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = LookupStub(channel)

    async def look_up(self, questions: Sequence[InventoryQuestion]) -> Sequence[Metadata | None]:
        """Return the metadata for each question, in order; None where nothing is known."""
        request = inventory_pb2.LookupRequest(
            questions=[
                inventory_pb2.Question(
                    provisioner=each.provisioner,
                    subject=each.subject,
                    names=[
                        _general_name(name)
                        for name in each.names
                        if not isinstance(name, Principal)
                    ],
                    principals=[name.value for name in each.names if isinstance(name, Principal)],
                )
                for each in questions
            ]
        )
        call = self._stub.Lookup(request, timeout=_LOOKUP_DEADLINE)
        answers = (await translate_errors(call)).answers
        if len(answers) != len(questions):
            raise NewelError(ErrorType.UNAVAILABLE, "", cause="the inventory answers too little")
        return [dict(each.values) if each.known else None for each in answers]
