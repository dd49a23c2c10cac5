"""The three contracts of the issuing authority: wire to domain and back, nothing else."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from newel.issuing.assembly import certificate_of
from newel.issuing.completion import Outcome
from newel.issuing.issuance import Issuance
from newel.issuing.issuers import Issuers
from newel.issuing.records import Record, Revocation
from newel.issuing.renewal import Renewals
from newel.issuing.repository import Records
from newel.issuing.revocation import Revocations
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1 import issuing_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_to_proto

_LARGEST_BATCH = 64  # four of them are the signer's largest
_NO_SSH = NewelError(ErrorType.NOT_IMPLEMENTED, "SSH certificates are not issued here")


class IssuanceServicer(issuing_pb2_grpc.IssuanceServicer):
    """``newel.issuing.v1.Issuance``."""

    def __init__(self, issuance: Issuance, renewals: Renewals) -> None:
        self._issuance = issuance
        self._renewals = renewals

    async def Issue(self, request: pb.IssueRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """New certificates."""
        _bounded(len(request.requests))
        return _issued(await self._issuance.issue(request.requests))

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """Certificates again."""
        _bounded(len(request.renewals))
        return _issued(await self._renewals.renew(request.renewals))

    async def IssueSSH(self, request: pb.IssueRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """Refused, item by item: this build issues no SSH certificates."""
        return _issued([_NO_SSH] * len(request.requests))


class RevocationServicer(issuing_pb2_grpc.RevocationServicer):
    """``newel.issuing.v1.Revocation``."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    async def Revoke(self, request: pb.RevokeRequest, context: Any) -> pb.RevokeResponse:  # noqa: ARG002 - the contract's signature
        """Revokes certificates."""
        _bounded(len(request.items))
        outcomes = await self._revocations.revoke(request.items)
        return pb.RevokeResponse(results=[_revoke_result(outcome) for outcome in outcomes])

    async def RevokeSSH(self, request: pb.RevokeRequest, context: Any) -> pb.RevokeResponse:  # noqa: ARG002 - the contract's signature
        """Refused, item by item: this build issues no SSH certificates."""
        return pb.RevokeResponse(results=[_revoke_result(_NO_SSH)] * len(request.items))


class RepositoryServicer(issuing_pb2_grpc.RepositoryServicer):
    """``newel.issuing.v1.Repository``."""

    def __init__(self, issuers: Issuers, records: Records) -> None:
        self._issuers = issuers
        self._records = records

    async def ListIssuers(
        self,
        request: pb.ListIssuersRequest,  # noqa: ARG002 - it has no fields
        context: Any,  # noqa: ARG002 - see above
    ) -> pb.ListIssuersResponse:
        """Every issuer, also those that only have their status served."""
        return pb.ListIssuersResponse(
            issuers=[
                pb.Issuer(
                    id=issuer.id,
                    key=issuer.key,
                    chain=issuer.chain,
                    root=issuer.root,
                    active=issuer.active,
                )
                for issuer in self._issuers.all()
            ]
        )

    async def GetCertificate(
        self,
        request: pb.GetCertificateRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> pb.GetCertificateResponse:
        """Certificates by serial, by their octets or by idempotency key."""
        _bounded(len(request.lookups))
        records = await self._records.find(request.lookups)
        return pb.GetCertificateResponse(records=[_record(each) for each in records])

    async def ListRevoked(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.RevokedPage]:
        """Every revocation past a position."""
        async for page in self._records.revoked(request.after, request.page):
            yield pb.RevokedPage(revocations=[_revoked(each) for each in page])

    async def ListIssued(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.IssuedPage]:
        """Every completed record past a position."""
        async for page in self._records.issued(request.after, request.page):
            yield pb.IssuedPage(records=[_record(each) for each in page])


def _bounded(size: int) -> None:
    if size > _LARGEST_BATCH:
        raise NewelError(ErrorType.TOO_LARGE, f"more than {_LARGEST_BATCH} items in one call")


def _issued(outcomes: list[Outcome]) -> pb.IssueResponse:
    return pb.IssueResponse(results=[_issue_result(outcome) for outcome in outcomes])


def _issue_result(outcome: Outcome) -> pb.IssueResult:
    if isinstance(outcome, NewelError):
        return pb.IssueResult(error=error_to_proto(outcome))
    return pb.IssueResult(
        certificate=pb.Certificate(der=outcome.der, serial=outcome.serial, issuer=outcome.issuer)
    )


def _revoke_result(outcome: Revocation | NewelError) -> pb.RevokeResult:
    if isinstance(outcome, NewelError):
        return pb.RevokeResult(error=error_to_proto(outcome))
    return pb.RevokeResult(revoked_at=Timestamp(seconds=outcome.revoked_at))


def _record(record: Record | None) -> pb.Record:
    if record is None:
        return pb.Record()
    intent = record.intent
    return pb.Record(
        position=record.position,
        der=certificate_of(record) or b"",
        issuer=intent.issuer,
        provisioner=pb.Provisioner.FromString(intent.provisioner),
        issued_at=Timestamp(seconds=intent.created_at),
        revoked=_revoked(record.revocation) if record.revocation else None,
        subject_of_proof=intent.subject_of_proof,
        renewed_from=intent.renewed_from or b"",
    )


def _revoked(revocation: Revocation) -> pb.Revoked:
    return pb.Revoked(
        position=revocation.position,
        serial=revocation.serial,
        issuer=revocation.issuer,
        revoked_at=Timestamp(seconds=revocation.revoked_at),
        reason=revocation.reason,
        active=revocation.active,
        not_after=Timestamp(seconds=revocation.not_after),
    )
