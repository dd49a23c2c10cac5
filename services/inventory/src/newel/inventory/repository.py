"""The certificates themselves, which the issuing authority keeps: the catalogue has their facts alone."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import grpc

from newel.inventory.certificate import normalise_serial
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_from_call

_SECONDS = 5.0


class Repository(Protocol):
    """The reading half of the issuing authority that is needed here: its generated stub fits."""

    @property
    def GetCertificate(  # noqa: N802 - the contract's name
        self,
    ) -> Callable[..., Awaitable[pb.GetCertificateResponse]]:
        """Return the records of certificates."""
        ...

    @property
    def ListIssuers(  # noqa: N802 - the contract's name
        self,
    ) -> Callable[..., Awaitable[pb.ListIssuersResponse]]:
        """Return every issuer with its chain and root."""
        ...


async def read_chain(repository: Repository, serial: bytes) -> list[bytes]:
    """Return a certificate and its issuers up to but not including the root, in DER, the leaf first.

    Raises `NewelError`: ``notFound``, and ``unavailable`` while the issuing authority does not answer.
    """
    try:
        request = pb.GetCertificateRequest(lookups=[pb.Lookup(serial=serial)])
        answer = await repository.GetCertificate(request, timeout=_SECONDS)
        issuers = await repository.ListIssuers(pb.ListIssuersRequest(), timeout=_SECONDS)
    except grpc.RpcError as error:
        raise error_from_call(error) from error
    record = answer.records[0] if answer.records else pb.Record()
    if not record.der:
        raise NewelError(
            ErrorType.NOT_FOUND,
            "There is no such certificate.",
            cause=f"the issuing authority has no certificate {normalise_serial(serial).hex()}",
        )
    chain = next((each.chain for each in issuers.issuers if each.id == record.issuer), ())
    return [record.der, *chain]
