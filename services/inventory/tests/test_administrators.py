"""Who administrates, as other services ask it: inventory.v1.Administrators."""

import grpc.aio
import pytest

from fixtures.catalogue import make_issued
from fixtures.inventory import Catalogue
from newel.inventory.config import Administrator
from newel.inventory.rpc import AdministratorsServicer
from newel.proto.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from newel.runtime.errors import ErrorType
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.rpc.wire import error_from_call
from newel.runtime.service import RPCService

ADA = Administrator(subject="ada@example.com", provisioner="people")


def stub(catalogue: Catalogue, caller: str) -> "inventory_pb2_grpc.AdministratorsAsyncStub":
    server = LocalServer()
    server.add(
        RPCService(
            "newel.inventory.v1.Administrators",
            inventory_pb2_grpc.add_AdministratorsServicer_to_server,
            AdministratorsServicer(catalogue.listing, [ADA], catalogue.clock),
            ("alerting",),
        )
    )
    return inventory_pb2_grpc.AdministratorsStub(LocalChannel(server, caller))


async def test_an_administrator_s_certificate_is_known(catalogue: Catalogue) -> None:
    ada = make_issued(common_name=ADA.subject, provisioner=ADA.provisioner)
    await catalogue.take(ada.event)
    request = inventory_pb2.VerifyRequest(certificate=ada.der)
    answer = await stub(catalogue, "alerting").Verify(request)
    assert (answer.subject, answer.serial) == (ADA.subject, ada.serial)


@pytest.mark.attack("P05")
@pytest.mark.parametrize("caller", ["alerting", "registration"])
async def test_nobody_else_s_is_and_nobody_else_may_ask(catalogue: Catalogue, caller: str) -> None:
    bob = make_issued(common_name="bob@example.com", provisioner=ADA.provisioner)
    await catalogue.take(bob.event)
    asked = stub(catalogue, caller)
    for der in (bob.der, b"no certificate", b""):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await asked.Verify(inventory_pb2.VerifyRequest(certificate=der))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        said = error_from_call(refused.value)
        if caller == "alerting":
            assert said.type is ErrorType.FORBIDDEN
            assert said.detail == "This certificate is not an administrator's."
