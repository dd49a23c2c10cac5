"""The three contracts of the issuing authority: they convert messages and call the domain."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from newel.issuing import messages
from newel.issuing.completion import Outcome
from newel.issuing.issuance import Issuance
from newel.issuing.issuers import Issuers
from newel.issuing.records import Revocation
from newel.issuing.renewal import Renewals
from newel.issuing.repository import Records
from newel.issuing.revocation import Revocations
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1 import issuing_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_to_proto

_MAX_BATCH = 64  # four of them fill the signer's largest batch
_NO_SSH = NewelError(ErrorType.NOT_IMPLEMENTED, "SSH certificates are not issued here")


class IssuanceServicer(issuing_pb2_grpc.IssuanceServicer):
    """``newel.issuing.v1.Issuance``."""

    def __init__(self, issuance: Issuance, renewals: Renewals) -> None:
        self._issuance = issuance
        self._renewals = renewals

    async def Issue(self, request: pb.IssueRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """Issue new certificates."""
        _check_size(request.requests)
        requests = [messages.read_issue_request(each) for each in request.requests]
        return _issue_response(await self._issuance.issue(requests))

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """Renew certificates."""
        _check_size(request.renewals)
        renewals = [messages.read_renewal(each) for each in request.renewals]
        return _issue_response(await self._renewals.renew(renewals))

    async def IssueSSH(self, request: pb.IssueRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """Refuse, item by item: this build issues no SSH certificates."""
        return _issue_response([_NO_SSH] * len(request.requests))


class RevocationServicer(issuing_pb2_grpc.RevocationServicer):
    """``newel.issuing.v1.Revocation``."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    async def Revoke(self, request: pb.RevokeRequest, context: Any) -> pb.RevokeResponse:  # noqa: ARG002 - the contract's signature
        """Revoke certificates."""
        _check_size(request.items)
        requests = [messages.read_revocation(each) for each in request.items]
        outcomes = await self._revocations.revoke(requests)
        return pb.RevokeResponse(results=[_revoke_result(outcome) for outcome in outcomes])

    async def RevokeSSH(self, request: pb.RevokeRequest, context: Any) -> pb.RevokeResponse:  # noqa: ARG002 - the contract's signature
        """Refuse, item by item: this build issues no SSH certificates."""
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
        """List every issuer, including those that only have their status served."""
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
        """Find certificates by serial, by their octets or by idempotency key."""
        _check_size(request.lookups)
        records = await self._records.find([messages.read_lookup(each) for each in request.lookups])
        return pb.GetCertificateResponse(
            records=[messages.record_message(each) for each in records]
        )

    async def ListRevoked(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.RevokedPage]:
        """List every revocation past a position."""
        async for page in self._records.list_revoked(request.after, request.page):
            yield pb.RevokedPage(revocations=[messages.revoked_message(each) for each in page])

    async def ListIssued(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.IssuedPage]:
        """List every completed record past a position."""
        async for page in self._records.list_issued(request.after, request.page):
            yield pb.IssuedPage(records=[messages.record_message(each) for each in page])


def _check_size(items: Sequence[object]) -> None:
    if len(items) > _MAX_BATCH:
        raise NewelError(ErrorType.TOO_LARGE, f"more than {_MAX_BATCH} items in one call")


def _issue_response(outcomes: list[Outcome]) -> pb.IssueResponse:
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
    return pb.RevokeResult(revoked_at=messages.timestamp(outcome.revoked_at))
