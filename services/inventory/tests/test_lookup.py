"""Metadata of the clients that ask for certificates, over the contract."""

import datetime as dt

import pytest

from fixtures.inventory import Catalogue
from newel.inventory.config import Config
from newel.inventory.lookup import MetadataKey
from newel.inventory.metadata_file import check_key
from newel.inventory.rpc import LookupServicer
from newel.inventory.storage.metadata import MetadataStorage
from newel.proto.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.errors import NewelError
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.service import RPCService

NOW = dt.datetime.fromtimestamp(1_800_000_000, dt.UTC)


@pytest.fixture
def metadata(catalogue: Catalogue) -> MetadataStorage:
    return MetadataStorage(catalogue.database)


@pytest.fixture
def server(catalogue: Catalogue, metadata: MetadataStorage) -> LocalServer:
    made = LocalServer()
    made.add(
        RPCService(
            "newel.inventory.v1.Lookup",
            inventory_pb2_grpc.add_LookupServicer_to_server,
            LookupServicer(metadata, catalogue.metrics),
            Config().lookup_callers,
        )
    )
    return made


def question(subject: str, *dns: str, provisioner: str = "oidc") -> inventory_pb2.Question:
    names = [issuing_pb2.GeneralName(dns=name) for name in dns]
    return inventory_pb2.Question(provisioner=provisioner, subject=subject, names=names)


async def test_answers_come_in_the_order_of_questions_and_the_more_telling_record_wins(
    metadata: MetadataStorage, server: LocalServer
) -> None:
    await metadata.write(
        MetadataKey("subject", "ada@example.com", ""), {"user": "ada", "team": "sea"}, NOW
    )
    await metadata.write(MetadataKey("subject", "ada@example.com", "oidc"), {"team": "shore"}, NOW)
    await metadata.write(
        MetadataKey("name", "dns:web.example", ""), {"team": "web", "rack": "7"}, NOW
    )
    stub = inventory_pb2_grpc.LookupStub(LocalChannel(server, "registration"))
    request = inventory_pb2.LookupRequest(
        questions=[
            question("ada@example.com", "web.example"),
            question("noone@example.com"),
            question("ada@example.com", provisioner="other"),
            question("", "web.example"),
        ]
    )
    answers = (await stub.Lookup(request)).answers
    assert [dict(each.values) for each in answers] == [
        {"user": "ada", "team": "shore", "rack": "7"},
        {},
        {"user": "ada", "team": "sea"},
        {"team": "web", "rack": "7"},
    ]
    assert [each.known for each in answers] == [True, False, True, True]


async def test_names_of_every_kind_are_spelled_as_in_the_catalogue(
    metadata: MetadataStorage, server: LocalServer
) -> None:
    await metadata.write(MetadataKey("name", "ip:10.0.0.1", ""), {"kind": "ip"}, NOW)
    await metadata.write(MetadataKey("name", "uri:spiffe://a/b", ""), {"more": "uri"}, NOW)
    device = check_key(MetadataKey("name", "permanentIdentifier:A-7", ""))
    await metadata.write(device, {"device": "A-7"}, NOW)
    stub = inventory_pb2_grpc.LookupStub(LocalChannel(server, "registration"))
    names = [
        issuing_pb2.GeneralName(ip=bytes((10, 0, 0, 1))),
        issuing_pb2.GeneralName(ip=b"short"),
        issuing_pb2.GeneralName(uri="spiffe://a/b"),
        issuing_pb2.GeneralName(permanent_identifier="A-7"),
        issuing_pb2.GeneralName(),
    ]
    request = inventory_pb2.LookupRequest(questions=[inventory_pb2.Question(names=names)])
    (answer,) = (await stub.Lookup(request)).answers
    assert dict(answer.values) == {"kind": "ip", "more": "uri", "device": "A-7"}


@pytest.mark.attack("P10")
async def test_only_registration_may_ask(server: LocalServer) -> None:
    stub = inventory_pb2_grpc.LookupStub(LocalChannel(server, "validation"))
    with pytest.raises(Exception, match="PERMISSION_DENIED"):
        await stub.Lookup(inventory_pb2.LookupRequest())


async def test_too_many_questions_are_refused(
    catalogue: Catalogue, metadata: MetadataStorage
) -> None:
    servicer = LookupServicer(metadata, catalogue.metrics)
    request = inventory_pb2.LookupRequest(questions=[question("a")] * 1001)
    with pytest.raises(NewelError, match="1000"):
        await servicer.Lookup(request, None)


async def test_an_entry_is_replaced_and_removed(metadata: MetadataStorage) -> None:
    key = MetadataKey("subject", "a", "")
    await metadata.write(key, {"a": "1"}, NOW)
    await metadata.write(key, {"b": "2"}, NOW)
    assert await metadata.read([key]) == {key: {"b": "2"}}
    assert await metadata.remove(key)
    assert not await metadata.remove(key)
    assert await metadata.read([key]) == {}
