"""inventory.v1 on the wire."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from newel.inventory.administrators import Certificates, verify_administrator
from newel.inventory.config import Administrator
from newel.inventory.lookup import MetadataQuery, MetadataStore, look_up
from newel.inventory.metrics import Metrics
from newel.proto.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_LARGEST = 1000


class LookupServicer(inventory_pb2_grpc.LookupServicer):
    """Answers what is known of the clients that ask for certificates."""

    def __init__(self, store: MetadataStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    async def Lookup(
        self,
        request: inventory_pb2.LookupRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> inventory_pb2.LookupResponse:
        """Answer each question, in order."""
        if len(request.questions) > _LARGEST:
            raise NewelError(ErrorType.TOO_LARGE, f"Ask {_LARGEST} questions at most.")
        questions = [
            MetadataQuery(each.provisioner, each.subject, tuple(_names(each)))
            for each in request.questions
        ]
        answers = await look_up(self._store, questions)
        known = sum(answer is not None for answer in answers)
        self._metrics.lookups.labels(known="yes").inc(known)
        self._metrics.lookups.labels(known="no").inc(len(answers) - known)
        return inventory_pb2.LookupResponse(
            answers=[
                inventory_pb2.Metadata(known=answer is not None, values=answer or {})
                for answer in answers
            ]
        )


class AdministratorsServicer(inventory_pb2_grpc.AdministratorsServicer):
    """Tells whether a client certificate is an administrator's."""

    def __init__(
        self, catalogue: Certificates, administrators: Sequence[Administrator], clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._administrators = administrators
        self._clock = clock

    async def Verify(
        self,
        request: inventory_pb2.VerifyRequest,
        context: Any,  # noqa: ARG002 - the contract's signature
    ) -> inventory_pb2.VerifyResponse:
        """Identify the administrator. Raises `NewelError` for other certificates."""
        peer = await verify_administrator(
            request.certificate, self._catalogue, self._administrators, self._clock
        )
        return inventory_pb2.VerifyResponse(
            subject=peer.subject, serial=bytes.fromhex(peer.serial), role=peer.role
        )


def _names(question: inventory_pb2.Question) -> Iterable[str]:
    """Yield names as the catalogue spells them, without IP addresses of a wrong length."""
    for name in question.names:
        kind = name.WhichOneof("name")
        if kind == "ip":
            if len(name.ip) in {4, 16}:
                yield f"ip:{ipaddress.ip_address(name.ip)}"
        elif kind == "permanent_identifier":
            yield f"permanentIdentifier:{name.permanent_identifier}"
        elif kind is not None:
            yield f"{kind}:{getattr(name, kind)}"
    for principal in question.principals:
        yield f"principal:{principal}"
