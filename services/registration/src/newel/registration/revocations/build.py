"""The composition of revocation by administrators."""

import grpc.aio

from newel.proto.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.issuance import Issuance
from newel.registration.revocations.service import RevocationService
from newel.registration.ssh_issuance import SSHIssuance
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.http.roles import VerifiedAdministrator, read_role
from newel.runtime.http.router import LazyApp
from newel.runtime.rpc.wire import error_from_call
from newel.step import delegations

_SECONDS = 5.0


def build(
    inventory: grpc.aio.Channel,
    *,
    authority: Authority,
    issuance: Issuance,
    ssh_issuance: SSHIssuance,
    active_revocation: bool,
    clock: Clock,
    audit: Audit,
    audit_trail: AuditTrail,
) -> ASGIApp:
    """Build the app, which asks the inventory who is an administrator."""
    stub: inventory_pb2_grpc.AdministratorsAsyncStub = inventory_pb2_grpc.AdministratorsStub(
        inventory
    )

    async def admit(certificate: bytes) -> VerifiedAdministrator:
        request = inventory_pb2.VerifyRequest(certificate=certificate)
        try:
            answer = await stub.Verify(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        return VerifiedAdministrator(answer.subject, answer.serial.hex(), read_role(answer.role))

    def read_delegation(text: str) -> bytes:
        return delegations.read(text, "revocations", clock.now())

    def web() -> ASGIApp:
        from newel.registration.revocations.http import build_app

        service = RevocationService(
            authority, issuance, ssh_issuance, active_revocation, audit_trail
        )
        return build_app(service, admit, read_delegation, audit)

    return LazyApp(web)
