"""The three gRPC services over one :class:`Signer`: certificates, statuses, and public keys."""

from typing import Any

from newel.crypto import keys
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_to_proto
from newel.signer.errors import policy_error
from newel.signer.roles import Role
from newel.signer.signing import Outcome, Request, Signer
from newel.signer.statements import Kind

MAX_BATCH = 256


async def _sign(
    signer: Signer, kind: Kind, request: signer_pb2.SignRequest, context: Any
) -> signer_pb2.SignResponse:
    if len(request.statements) > MAX_BATCH:
        raise policy_error(
            f"{len(request.statements)} statements in one batch, the maximum is {MAX_BATCH}"
        )
    requests = [Request(statement.key, statement.body) for statement in request.statements]
    outcomes = await signer.sign(kind, requests, _caller(context))
    return signer_pb2.SignResponse(signatures=[_signature(outcome) for outcome in outcomes])


def _signature(outcome: Outcome) -> signer_pb2.Signature:
    if outcome.error is None:
        return signer_pb2.Signature(signature=outcome.signature)
    return signer_pb2.Signature(error=error_to_proto(outcome.error))


def _caller(context: Any) -> str:
    """Return the names in the caller's certificate, as verified by the transport."""
    names = context.auth_context().get("peer_dns", ())
    return ",".join(name.decode("latin-1") for name in names)


class CertificateSignerServicer(signer_pb2_grpc.CertificateSignerServicer):
    """``CertificateSigner``, for the issuing authority only."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def SignCertificate(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Sign TBSCertificates."""
        return await _sign(self._signer, Kind.CERTIFICATE, request, context)

    async def SignSSHCertificate(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Sign SSH certificate bodies."""
        return await _sign(self._signer, Kind.SSH, request, context)


class StatusSignerServicer(signer_pb2_grpc.StatusSignerServicer):
    """``StatusSigner``, for the validation authority only."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def SignCRL(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Signs TBSCertLists."""
        return await _sign(self._signer, Kind.CRL, request, context)

    async def SignOCSP(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Sign OCSP ResponseData."""
        return await _sign(self._signer, Kind.OCSP, request, context)

    async def SignKRL(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Sign key revocation lists."""
        return await _sign(self._signer, Kind.KRL, request, context)


class KeysServicer(signer_pb2_grpc.KeysServicer):
    """``Keys``, the public facts of the keys."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def ListKeys(
        self,
        request: signer_pb2.ListKeysRequest,  # noqa: ARG002 - it has no fields
        context: Any,  # noqa: ARG002 - every caller sees the same
    ) -> signer_pb2.ListKeysResponse:
        """List every key, in the order of the configuration."""
        return signer_pb2.ListKeysResponse(keys=[_key(r) for r in self._signer.roles.values()])

    async def GetPublicKey(
        self,
        request: signer_pb2.GetPublicKeyRequest,
        context: Any,  # noqa: ARG002 - every caller sees the same
    ) -> signer_pb2.Key:
        """Return one key. Raises :class:`NewelError` ``notFound``."""
        role = self._signer.roles.get(request.key)
        if role is None:
            raise NewelError(ErrorType.NOT_FOUND, "the signer has no such key")
        return _key(role)


def _key(role: Role) -> signer_pb2.Key:
    return signer_pb2.Key(
        name=role.name,
        public_key=keys.spki(role.key.public_key),
        signature_algorithm=role.algorithm,
        statements=[kind.value for kind in role.rules],
        certificate=role.certificate,
    )
