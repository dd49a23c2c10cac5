"""The three contracts of the issuing authority: they convert messages and call the domain."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from newel.issuing import messages
from newel.issuing.completion import Outcome
from newel.issuing.declarations import KeyDeclaration, KeyDeclarations
from newel.issuing.issuance import Issuance
from newel.issuing.issuers import Issuers
from newel.issuing.records import Record, Revocation
from newel.issuing.renewal import Renewals
from newel.issuing.repository import Records
from newel.issuing.requests import AcceptedRequest, IssueRequest, Lookup
from newel.issuing.revocation import Revocations
from newel.issuing.ssh.issuers import SSHIssuers
from newel.issuing.ssh.requests import AcceptedSSHRequest, SSHIssueRequest
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1 import issuing_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_to_proto

_MAX_BATCH = 64  # four of them fill the signer's largest batch


class IssuanceServicer(issuing_pb2_grpc.IssuanceServicer):
    """``newel.issuing.v1.Issuance``."""

    def __init__(
        self,
        issuance: Issuance[IssueRequest, AcceptedRequest],
        renewals: Renewals,
        ssh: Issuance[SSHIssueRequest, AcceptedSSHRequest],
    ) -> None:
        self._issuance = issuance
        self._renewals = renewals
        self._ssh = ssh

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

    async def IssueSSH(self, request: pb.IssueSSHRequest, context: Any) -> pb.IssueResponse:  # noqa: ARG002 - the contract's signature
        """Issue SSH certificates."""
        _check_size(request.requests)
        requests = [messages.read_ssh_request(each) for each in request.requests]
        return _issue_response(await self._ssh.issue(requests))


class RevocationServicer(issuing_pb2_grpc.RevocationServicer):
    """``newel.issuing.v1.Revocation``."""

    def __init__(
        self, revocations: Revocations, ssh: Revocations, declarations: KeyDeclarations
    ) -> None:
        self._revocations = revocations
        self._ssh = ssh
        self._declarations = declarations

    async def Revoke(self, request: pb.RevokeRequest, context: Any) -> pb.RevokeResponse:  # noqa: ARG002 - the contract's signature
        """Revoke certificates."""
        _check_size(request.items)
        requests = [messages.read_revocation(each) for each in request.items]
        return _revoke_response(await self._revocations.revoke(requests))

    async def RevokeSSH(self, request: pb.RevokeRequest, context: Any) -> pb.RevokeResponse:  # noqa: ARG002 - the contract's signature
        """Revoke SSH certificates, which are named by their serial numbers."""
        _check_size(request.items)
        requests = [messages.read_ssh_revocation(each) for each in request.items]
        return _revoke_response(await self._ssh.revoke(requests))

    async def BlockKeys(
        self,
        request: pb.BlockKeysRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> pb.BlockKeysResponse:
        """Block keys that are declared compromised."""
        _check_size(request.keys)
        declarations = [
            KeyDeclaration(
                each.key_digest, each.reason_text, each.active, each.actor, each.request_id
            )
            for each in request.keys
        ]
        return pb.BlockKeysResponse(blocked=await self._declarations.declare(declarations))


class RepositoryServicer(issuing_pb2_grpc.RepositoryServicer):
    """``newel.issuing.v1.Repository``."""

    def __init__(
        self, issuers: Issuers, records: Records, ssh_issuers: SSHIssuers, ssh_records: Records
    ) -> None:
        self._issuers = issuers
        self._records = records
        self._ssh_issuers = ssh_issuers
        self._ssh_records = ssh_records

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

    async def ListSSHIssuers(
        self,
        request: pb.ListIssuersRequest,  # noqa: ARG002 - it has no fields
        context: Any,  # noqa: ARG002 - see above
    ) -> pb.ListSSHIssuersResponse:
        """List every SSH issuer, including those that are only trusted still."""
        issuers = [messages.ssh_issuer_message(each) for each in self._ssh_issuers.all()]
        return pb.ListSSHIssuersResponse(issuers=issuers)

    async def GetCertificate(
        self,
        request: pb.GetCertificateRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> pb.GetCertificateResponse:
        """Find certificates by serial, by their octets or by idempotency key."""
        _check_size(request.lookups)
        return await _find(self._records, [messages.read_lookup(each) for each in request.lookups])

    async def GetSSHCertificate(
        self,
        request: pb.GetCertificateRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> pb.GetCertificateResponse:
        """Find SSH certificates by serial or by idempotency key."""
        _check_size(request.lookups)
        lookups = [messages.read_ssh_lookup(each) for each in request.lookups]
        return await _find(self._ssh_records, lookups)

    async def FindBlockedKeys(
        self,
        request: pb.FindBlockedKeysRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> pb.FindBlockedKeysResponse:
        """Tell which keys were declared compromised."""
        _check_size(request.key_digests)
        return pb.FindBlockedKeysResponse(
            blocked=await self._records.find_blocked(request.key_digests)
        )

    async def ListRevoked(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.RevokedPage]:
        """List every revocation past a position."""
        async for page in self._records.list_revoked(request.after, request.page):
            yield _revoked_page(page)

    async def ListSSHRevoked(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.RevokedPage]:
        """List every revocation of an SSH certificate past a position."""
        async for page in self._ssh_records.list_revoked(request.after, request.page):
            yield _revoked_page(page)

    async def ListIssued(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.IssuedPage]:
        """List every completed record past a position."""
        async for page in self._records.list_issued(request.after, request.page):
            yield _issued_page(page)

    async def ListSSHIssued(
        self,
        request: pb.ListRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> AsyncIterator[pb.IssuedPage]:
        """List every completed record of an SSH certificate past a position."""
        async for page in self._ssh_records.list_issued(request.after, request.page):
            yield _issued_page(page)


async def _find(records: Records, lookups: Sequence[Lookup]) -> pb.GetCertificateResponse:
    found = await records.find(lookups)
    return pb.GetCertificateResponse(records=[messages.record_message(each) for each in found])


def _revoked_page(page: Sequence[Revocation]) -> pb.RevokedPage:
    return pb.RevokedPage(revocations=[messages.revoked_message(each) for each in page])


def _issued_page(page: Sequence[Record]) -> pb.IssuedPage:
    return pb.IssuedPage(records=[messages.record_message(each) for each in page])


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


def _revoke_response(outcomes: Sequence[Revocation | NewelError]) -> pb.RevokeResponse:
    return pb.RevokeResponse(results=[_revoke_result(outcome) for outcome in outcomes])


def _revoke_result(outcome: Revocation | NewelError) -> pb.RevokeResult:
    if isinstance(outcome, NewelError):
        return pb.RevokeResult(error=error_to_proto(outcome))
    return pb.RevokeResult(revoked_at=messages.timestamp(outcome.revoked_at))
