"""The issuing authority's part for SSH behind a channel: values to messages and back."""

from collections.abc import Mapping, Sequence

import grpc.aio

from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1.issuing_pb2_grpc import IssuanceStub, RepositoryStub, RevocationStub
from newel.registration.issuance import IssuedCertificate, RevocationRequest
from newel.registration.rpc import (
    DEADLINE,
    coalesce_issuance,
    provisioner_message,
    read_issued_certificate,
    read_provisioner,
    revocation_item,
    timestamp,
    translate_errors,
)
from newel.registration.ssh_issuance import (
    SSHIssueRequest,
    SSHIssuerRecord,
    SSHRecord,
)
from newel.runtime.rpc.wire import error_from_proto

_TYPES = {"user": pb.SSH_CERTIFICATE_TYPE_USER, "host": pb.SSH_CERTIFICATE_TYPE_HOST}


class RemoteSSHIssuance:
    """Implements SSHIssuance over a channel, in one process or between two."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._issuance = IssuanceStub(channel)
        self._revocation = RevocationStub(channel)
        self._repository = RepositoryStub(channel)
        self._issue = coalesce_issuance(self._send_issue)

    async def issue(self, request: SSHIssueRequest) -> IssuedCertificate:
        """Issue a certificate."""
        return read_issued_certificate(await self._issue.call(_message(request)))

    async def revoke(self, request: RevocationRequest) -> None:
        """Revoke one certificate."""
        item = revocation_item(request)
        call = self._revocation.RevokeSSH(pb.RevokeRequest(items=[item]), timeout=DEADLINE)
        (result,) = (await translate_errors(call)).results
        if result.HasField("error"):
            raise error_from_proto(result.error)

    async def find(self, serial: int) -> SSHRecord | None:
        """Read the record of a certificate."""
        request = pb.GetCertificateRequest(lookups=[pb.Lookup(serial=serial.to_bytes(8))])
        call = self._repository.GetSSHCertificate(request, timeout=DEADLINE)
        (record,) = (await translate_errors(call)).records
        if not record.der:
            return None
        return SSHRecord(
            record.der, read_provisioner(record.provisioner), record.HasField("revoked")
        )

    async def issuers(self) -> Sequence[SSHIssuerRecord]:
        """List every issuer."""
        call = self._repository.ListSSHIssuers(pb.ListIssuersRequest(), timeout=DEADLINE)
        return [
            SSHIssuerRecord(
                "host" if each.type == pb.SSH_CERTIFICATE_TYPE_HOST else "user",
                each.public_key,
                each.active,
            )
            for each in (await translate_errors(call)).issuers
        ]

    async def _send_issue(self, batch: list[pb.SSHRequest]) -> Sequence[pb.IssueResult]:
        request = pb.IssueSSHRequest(requests=batch)
        return (await translate_errors(self._issuance.IssueSSH(request, timeout=DEADLINE))).results


def _message(request: SSHIssueRequest) -> pb.SSHRequest:
    renewed = request.renewed_from
    return pb.SSHRequest(
        idempotency_key=request.idempotency_key,
        type=_TYPES[request.type],
        public_key=request.public_key,
        key_id=request.key_id,
        principals=request.principals,
        valid_after=timestamp(request.valid_after),
        valid_before=timestamp(request.valid_before),
        critical_options=_options(request.critical_options),
        extensions=_options(request.extensions),
        provisioner=provisioner_message(request.provisioner),
        subject_of_proof=request.subject_of_proof,
        renewed_from=b"" if renewed is None else renewed.to_bytes(8),
        request_id=request.request_id,
    )


def _options(options: Mapping[str, str]) -> list[pb.SSHOption]:
    return [pb.SSHOption(name=name, value=value) for name, value in options.items()]
