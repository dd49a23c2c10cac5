"""The issuing authority behind a channel: single calls, which leave in batches."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1.issuing_pb2_grpc import IssuanceStub, RepositoryStub, RevocationStub
from newel.runtime.coalescer import Coalescer, is_item_fault
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_from_call, error_from_proto

_DEADLINE = 12.0
"""Seconds: step's clients give up after 15."""
_PATIENCE = 0.01
"""Seconds: about what a batch takes."""


class RemoteIssuance:
    """Implements Issuance over a channel, local or not."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # the generated types are those of gRPC's synchronous stubs
        issuance: Any = IssuanceStub(channel)
        revocation: Any = RevocationStub(channel)
        self._repository: Any = RepositoryStub(channel)
        issue = _batch(issuance.Issue, pb.IssueRequest, "requests", "results")
        renew = _batch(issuance.Renew, pb.RenewRequest, "renewals", "results")
        # sent again by themselves they give the same certificates: what they carry is their identity
        self._issue = Coalescer(issue, patience=_PATIENCE, is_item_fault=_one_is_at_fault)
        self._renew = Coalescer(renew, patience=_PATIENCE, is_item_fault=_one_is_at_fault)
        self._revoke = Coalescer(_batch(revocation.Revoke, pb.RevokeRequest, "items", "results"))
        self._find = Coalescer(
            _batch(self._repository.GetCertificate, pb.GetCertificateRequest, "lookups", "records")
        )

    async def issue(self, request: pb.Request) -> pb.Certificate:
        """See Issuance."""
        return _certificate(await self._issue.call(request))

    async def renew(self, renewal: pb.Renewal) -> pb.Certificate:
        """See Issuance."""
        return _certificate(await self._renew.call(renewal))

    async def revoke(self, item: pb.RevocationItem) -> None:
        """See Issuance."""
        result = await self._revoke.call(item)
        if result.HasField("error"):
            raise error_from_proto(result.error)

    async def find(self, lookup: pb.Lookup) -> pb.Record | None:
        """See Issuance."""
        record = await self._find.call(lookup)
        return record if record.der else None

    async def issuers(self) -> Sequence[pb.Issuer]:
        """See Issuance."""
        try:
            answer = await self._repository.ListIssuers(pb.ListIssuersRequest(), timeout=_DEADLINE)
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        return list(answer.issuers)


def _batch(call: Any, request: Callable[..., Any], items: str, results: str) -> Any:
    async def send(batch: list[Any]) -> Sequence[Any]:
        try:
            answer = await call(request(**{items: batch}), timeout=_DEADLINE)
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        return getattr(answer, results)

    return send


def _one_is_at_fault(error: Exception) -> bool:
    """Whether one request may have made the whole call fail, here or there."""
    internal = isinstance(error, NewelError) and error.type is ErrorType.SERVER_INTERNAL
    return internal or is_item_fault(error)


def _certificate(result: pb.IssueResult) -> pb.Certificate:
    if result.HasField("error"):
        raise error_from_proto(result.error)
    return result.certificate
