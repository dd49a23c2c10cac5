"""The composition of the signer."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from newel.proto.signer.v1 import signer_pb2_grpc as contracts
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.service import RPCService, Service
from newel.runtime.work import run_in_thread
from newel.signer.assembly import make_role
from newel.signer.ceremony.authority import (
    AuthorityFiles,
    add_responder,
    create_authority,
    reissue_responder,
)
from newel.signer.ceremony.succession import SuccessionFiles, create_successor
from newel.signer.certificate_watch import CertificateWatch
from newel.signer.config import Config
from newel.signer.errors import unavailable_error
from newel.signer.keys import KeyUnavailableError
from newel.signer.metrics import Metrics
from newel.signer.rpc import CertificateSignerServicer, KeysServicer, StatusSignerServicer
from newel.signer.self_check import SelfCheck
from newel.signer.signing import Signer

__all__ = [
    "AuthorityFiles",
    "Ports",
    "SuccessionFiles",
    "add_responder",
    "build",
    "create_authority",
    "create_successor",
    "reissue_responder",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """The dependencies that the process provides."""

    clock: Clock
    audit: Audit
    registry: CollectorRegistry


def build(config: Config, ports: Ports) -> Service:
    """Build the service: open every key and compare it with its certificate.

    Raises :class:`newel.runtime.config.ConfigError` for an unusable configuration (a missing file, a
    root's certificate, a key of another certificate) and NewelError ``unavailable`` for a missing token.
    """
    metrics = Metrics(ports.registry)
    try:
        roles = [make_role(key, ports.clock, metrics) for key in config.keys]
    except KeyUnavailableError as error:
        raise unavailable_error(str(error)) from error
    signer = Signer(roles, ports.clock, ports.audit, metrics)
    check = SelfCheck(signer.roles, metrics)
    watch = CertificateWatch(config.keys, signer)
    pause = config.check_every.total_seconds()

    async def close() -> None:
        await run_in_thread(signer.close)

    return Service(
        name="signer",
        rpcs=(
            RPCService(
                "newel.signer.v1.CertificateSigner",
                contracts.add_CertificateSignerServicer_to_server,
                CertificateSignerServicer(signer),
                config.certificate_callers,
            ),
            RPCService(
                "newel.signer.v1.StatusSigner",
                contracts.add_StatusSignerServicer_to_server,
                StatusSignerServicer(signer),
                config.status_callers,
            ),
            RPCService(
                "newel.signer.v1.Keys",
                contracts.add_KeysServicer_to_server,
                KeysServicer(signer),
                config.key_callers,
            ),
        ),
        tasks={
            "self-check": repeat_every(pause, check.run),
            "certificates": repeat_every(pause, watch.run),
        },
        start=(check.start,),
        stop=(close,),
        ready=check.ready,
    )
