"""The client of the signer: OCSP requests of concurrent callers share one call."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from newel.proto.signer.v1 import signer_pb2
from newel.runtime.coalescer import Coalescer
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.channel import LARGEST_MESSAGE
from newel.runtime.rpc.wire import error_from_call, error_from_proto

if TYPE_CHECKING:  # the generated stub has one type for both kinds of channel
    from newel.proto.signer.v1.signer_pb2_grpc import StatusSignerAsyncStub

_Outcome = bytes | NewelError

_OCSP_TIMEOUT = 5.0  # seconds: a client of OCSP has given up by then
_CRL_TIMEOUT = 60.0  # seconds: a million entries have to travel and be hashed


class StatusSigner:
    """Signs OCSP responses, CRLs and KRLs. Methods raise NewelError when the signer refuses or is unreachable."""

    def __init__(self, stub: "StatusSignerAsyncStub") -> None:
        self._stub = stub
        self._ocsp: Coalescer[signer_pb2.Statement, _Outcome] = Coalescer(self._sign_ocsp)

    async def sign_response(self, key: str, response_data: bytes) -> bytes:
        """Return the signature of the signer's key ``key`` over the DER of a ResponseData."""
        outcome = await self._ocsp.call(signer_pb2.Statement(key=key, body=response_data))
        return _signature(outcome)

    async def sign_crl(self, key: str, tbs: bytes) -> bytes:
        """Return the signature of the signer's key ``key`` over the DER of a TBSCertList.

        The signer reads the list itself, never a digest, so that it has to fit into one message.
        """
        try:
            return await self._sign_long(self._stub.SignCRL, key, tbs)
        except NewelError as error:
            if error.type is not ErrorType.TOO_LARGE:
                raise
            raise NewelError(
                error.type,
                error.detail,
                cause=f"a CRL of {len(tbs)} octets is longer than the {LARGEST_MESSAGE} a message holds",
            ) from error

    def for_lists(self, key: str) -> Callable[[bytes], Awaitable[bytes]] | None:
        """Return :meth:`sign_krl` with a key; None for the key "", which signs nothing."""
        return partial(self.sign_krl, key) if key else None

    async def sign_krl(self, key: str, octets: bytes) -> bytes:
        """Return the signature, a file for ``ssh-keygen -Y verify``, of the SSH CA's key over a whole list."""
        return await self._sign_long(self._stub.SignKRL, key, octets)

    async def _sign_long(self, method: Any, key: str, body: bytes) -> bytes:
        def build() -> signer_pb2.SignRequest:
            request = signer_pb2.SignRequest()
            request.statements.add(key=key, body=body)  # in place: no second copy of a long list
            return request

        return _signature((await self._call(method, build, 1, _CRL_TIMEOUT))[0])

    async def _sign_ocsp(self, statements: list[signer_pb2.Statement]) -> Sequence[_Outcome]:
        return await self._call(
            self._stub.SignOCSP,
            lambda: signer_pb2.SignRequest(statements=statements),
            len(statements),
            _OCSP_TIMEOUT,
        )

    @staticmethod
    async def _call(
        method: Any, build: Callable[[], signer_pb2.SignRequest], count: int, seconds: float
    ) -> Sequence[_Outcome]:
        """``build`` the request of ``count`` statements; only the transport holds it, while it must."""
        try:
            response: signer_pb2.SignResponse = await method(build(), timeout=seconds)
        except grpc.RpcError as error:
            raise error_from_call(error) from None
        if len(response.signatures) != count:
            raise NewelError(
                ErrorType.SERVER_INTERNAL,
                "an internal error occurred",
                cause="the signer answered with another number of signatures than statements",
            )
        return [
            error_from_proto(one.error) if one.HasField("error") else one.signature
            for one in response.signatures
        ]


def _signature(outcome: _Outcome) -> bytes:
    if isinstance(outcome, NewelError):
        raise outcome
    return outcome
