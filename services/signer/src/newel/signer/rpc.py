"""The three gRPC services over one :class:`Signer`: certificates, statuses, and public facts."""

from typing import Any

from newel.crypto import keys
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.wire import error_to_proto
from newel.signer.errors import policy_error
from newel.signer.roles import Role
from newel.signer.signing import Outcome, Request, Signer
from newel.signer.statements import Kind

LARGEST_BATCH = 256


async def _sign(
    signer: Signer, kind: Kind, request: signer_pb2.SignRequest, context: Any
) -> signer_pb2.SignResponse:
    if len(request.statements) > LARGEST_BATCH:
        raise policy_error(
            f"{len(request.statements)} statements at once, the most is {LARGEST_BATCH}"
        )
    requests = [Request(statement.key, statement.body) for statement in request.statements]
    outcomes = await signer.sign(kind, requests, _caller(context))
    return signer_pb2.SignResponse(signatures=[_signature(outcome) for outcome in outcomes])


def _signature(outcome: Outcome) -> signer_pb2.Signature:
    if outcome.error is None:
        return signer_pb2.Signature(signature=outcome.signature)
    return signer_pb2.Signature(error=error_to_proto(outcome.error))


def _caller(context: Any) -> str:
    """The names in the caller's certificate, as the transport proved them."""
    names = context.auth_context().get("peer_dns", ())
    return ",".join(name.decode("latin-1") for name in names)


class CertificateSignerServicer(signer_pb2_grpc.CertificateSignerServicer):
    """``CertificateSigner``: for the issuing authority alone."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def SignCertificate(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Signs TBSCertificates."""
        return await _sign(self._signer, Kind.CERTIFICATE, request, context)

    async def SignSSHCertificate(
        self, request: signer_pb2.SignRequest, context: Any
    ) -> signer_pb2.SignResponse:
        """Signs SSH certificate bodies."""
        return await _sign(self._signer, Kind.SSH, request, context)


class StatusSignerServicer(signer_pb2_grpc.StatusSignerServicer):
    """``StatusSigner``: for the validation authority alone."""

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
        """Signs OCSP ResponseData."""
        return await _sign(self._signer, Kind.OCSP, request, context)


class KeysServicer(signer_pb2_grpc.KeysServicer):
    """``Keys``: what may be known of the keys."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def ListKeys(
        self,
        request: signer_pb2.ListKeysRequest,  # noqa: ARG002 - it has no fields
        context: Any,  # noqa: ARG002 - anybody who may call sees the same
    ) -> signer_pb2.ListKeysResponse:
        """Every key, in the order of the configuration."""
        return signer_pb2.ListKeysResponse(keys=[_key(r) for r in self._signer.roles.values()])

    async def GetPublicKey(
        self,
        request: signer_pb2.GetPublicKeyRequest,
        context: Any,  # noqa: ARG002 - anybody who may call sees the same
    ) -> signer_pb2.Key:
        """One key. Raises :class:`NewelError` ``notFound``."""
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
