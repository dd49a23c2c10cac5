"""Who is an administrator, as the inventory knows it: alerting has no catalogue of its own."""

import grpc.aio

from newel.proto.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from newel.runtime.http.roles import VerifiedAdministrator, read_role
from newel.runtime.rpc.wire import error_from_call

_SECONDS = 5.0


class Administrators:
    """The inventory's answer to whether a client certificate is an administrator's."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: inventory_pb2_grpc.AdministratorsAsyncStub = (
            inventory_pb2_grpc.AdministratorsStub(channel)
        )

    async def admit(self, certificate: bytes) -> VerifiedAdministrator:
        """Identify the administrator. Raises `NewelError` for other certificates (DER)."""
        request = inventory_pb2.VerifyRequest(certificate=certificate)
        try:
            answer = await self._stub.Verify(request, timeout=_SECONDS)
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        return VerifiedAdministrator(answer.subject, answer.serial.hex(), read_role(answer.role))
