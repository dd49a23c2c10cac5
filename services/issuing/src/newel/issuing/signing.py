"""The client of the signer: requests of concurrent callers share one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

import grpc
import grpc.aio

from newel.proto.signer.v1 import signer_pb2 as pb
from newel.proto.signer.v1 import signer_pb2_grpc
from newel.runtime.coalescer import Coalescer
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_from_call, error_from_proto

_TIMEOUT = 10.0  # seconds; a hardware module under load answers well within it
_CONNECT_TIMEOUT = 60.0  # seconds
_MAX_SHARED = 4  # callers that share a call: each has a bounded batch


_Sign: TypeAlias = Callable[..., Awaitable[pb.SignResponse]]


class RemoteSigner:
    """The contracts ``signer.v1.CertificateSigner`` and ``Keys``, as the domain sees them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._keys = signer_pb2_grpc.KeysStub(channel)
        self._signer = signer_pb2_grpc.CertificateSignerStub(channel)
        self._calls = Coalescer(partial(_send, self._signer.SignCertificate), max_batch=_MAX_SHARED)
        self._ssh_calls = Coalescer(
            partial(_send, self._signer.SignSSHCertificate), max_batch=_MAX_SHARED
        )

    async def sign(self, statements: Sequence[tuple[str, bytes]]) -> list[bytes | NewelError]:
        """Sign each (key name, TBSCertificate); return signatures and errors in order.

        When the signer cannot be reached, every answer is the error ``unavailable``.
        """
        return await self._calls.call(statements) if statements else []

    async def sign_ssh(self, statements: Sequence[tuple[str, bytes]]) -> list[bytes | NewelError]:
        """Do the same for (key name, signed part of an SSH certificate)."""
        return await self._ssh_calls.call(statements) if statements else []

    async def public_key(self, key: str) -> tuple[bytes, bytes]:
        """Return a key's SubjectPublicKeyInfo and signature AlgorithmIdentifier, both DER.

        Waits for a signer that is still starting. Raises :class:`NewelError`.
        """
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await self._channel.channel_ready()
            request = pb.GetPublicKeyRequest(key=key)
            answer = await self._keys.GetPublicKey(request, timeout=_TIMEOUT)
        except TimeoutError:
            raise _unavailable(f"no connection within {_CONNECT_TIMEOUT:.0f} s") from None
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        return answer.public_key, answer.signature_algorithm


async def _send(
    sign: _Sign, calls: list[Sequence[tuple[str, bytes]]]
) -> Sequence[list[bytes | NewelError]]:
    """Answer several callers' statements with one call."""
    statements = [pb.Statement(key=key, body=body) for call in calls for key, body in call]
    answers = iter(await _sign(sign, statements))
    return [[next(answers) for _ in call] for call in calls]


async def _sign(sign: _Sign, statements: list[pb.Statement]) -> Sequence[bytes | NewelError]:
    request = pb.SignRequest(statements=statements)
    try:
        response = await sign(request, timeout=_TIMEOUT)
    except grpc.RpcError as error:
        # Even a refused call (a permission, a deadline) says nothing about its statements:
        # their intents stay open for a retry.
        return [_unavailable(error_from_call(error).cause)] * len(statements)
    if len(response.signatures) != len(statements):
        cause = f"{len(response.signatures)} signatures for {len(statements)} statements"
        return [_unavailable(cause)] * len(statements)
    return [_outcome(signature) for signature in response.signatures]


def _outcome(signature: pb.Signature) -> bytes | NewelError:
    if signature.HasField("error"):
        return error_from_proto(signature.error)
    return signature.signature


def _unavailable(cause: str) -> NewelError:
    return NewelError(ErrorType.UNAVAILABLE, "the signer is not available now", cause=cause)
