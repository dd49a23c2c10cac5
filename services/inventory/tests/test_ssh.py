"""SSH certificates in the catalogue: whose they are, their lineage, their end, what is warned of."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fixtures.catalogue import ISSUER, START, IssuedCertificate, make_event, make_issued
from fixtures.inventory import Catalogue, IssuedRecords, inventory_client
from fixtures.no_ssh import NoSSHRecords
from fixtures.ssh_catalogue import make_ssh
from newel.crypto.ssh import certificates
from newel.inventory.certificate import UnreadableCertificateError
from newel.inventory.config import Reconcile
from newel.inventory.reconcile import Reconciler
from newel.inventory.ssh_certificate import read_ssh_certificate
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2, issuing_pb2_grpc
from newel.runtime.database.listing import ListQuery
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.service import RPCService


def revocation(of: IssuedCertificate) -> Any:
    message = events_pb2.CertificateRevoked(serial=of.serial, issuer=ISSUER, reason=1, active=True)
    message.revoked_at.FromDatetime(START)
    return make_event("newel.ssh.revoked.v1", message.SerializeToString())


HOST = make_ssh("host", "db", "db.example", "10.0.0.1", serial=7)
NEXT = make_ssh(
    "host", "db", "db.example", "10.0.0.1", serial=2**64 - 2, renews=HOST,
    at=START + dt.timedelta(hours=16),
)  # fmt: skip # a call
USER = make_ssh("user", "ada@example.com", "ada", "ada@example.com", serial=9)


def normal(certificate: IssuedCertificate) -> bytes:
    return certificate.serial.lstrip(b"\0")


async def list_serials(catalogue: Catalogue, **filters: Any) -> list[str]:
    query = ListQuery(filters, "issued", descending=False, limit=10, after=None)
    page = await catalogue.listing.certificates(query, catalogue.clock.now())
    return [each.serial.hex() for each in page.entries]


async def test_hosts_and_people_are_listed_with_who_where_and_until_when(
    catalogue: Catalogue,
) -> None:
    web = make_issued("web.example")
    await catalogue.take(web.event, HOST.event, USER.event)
    host = await catalogue.listing.certificate(normal(HOST))
    user = await catalogue.listing.certificate(normal(USER))
    assert host is not None
    assert user is not None
    assert (host.type, host.common_name, host.names) == (
        "ssh-host", "db", ("dns:db.example", "ip:10.0.0.1"),
    )  # fmt: skip # a table
    assert (user.type, user.proof, user.names) == (
        "ssh-user", "ada@example.com", ("principal:ada", "email:ada@example.com"),
    )  # fmt: skip # a table
    assert host.not_after == START + dt.timedelta(days=1)
    assert await list_serials(catalogue, type="ssh-host") == ["07"]
    assert await list_serials(catalogue, type="ssh-user") == ["09"]
    assert await list_serials(catalogue, type="x509") == [web.serial.hex()]
    assert await list_serials(catalogue, name="principal:ada") == ["09"]


async def test_a_renewal_and_a_new_enrolment_join_the_endpoint_of_the_host(
    catalogue: Catalogue,
) -> None:
    again = make_ssh("host", "db", "10.0.0.1", "DB.example", serial=11)
    other = make_ssh("host", "db", "db2.example", serial=12)
    await catalogue.take(NEXT.event)  # before what it renews
    await catalogue.take(HOST.event, again.event, other.event)
    endpoint = await catalogue.endpoint_of(normal(HOST))
    assert endpoint.startswith("h-")
    lineage = await catalogue.listing.lineage(endpoint, 10)
    assert [each.serial for each in lineage] == [normal(NEXT), normal(again), normal(HOST)]
    entry = await catalogue.listing.endpoint(endpoint)
    assert entry is not None
    assert (entry.type, entry.last_serial) == ("ssh-host", normal(NEXT))
    assert await catalogue.endpoint_of(normal(other)) != endpoint


async def test_every_login_of_a_person_is_one_endpoint(catalogue: Catalogue) -> None:
    later = make_ssh("user", "ada@example.com", "root", serial=21)
    bob = make_ssh("user", "bob@example.com", "ada", serial=22)
    await catalogue.take(USER.event, later.event, bob.event)
    endpoint = await catalogue.endpoint_of(normal(USER))
    assert endpoint.startswith("u-")
    assert await catalogue.endpoint_of(normal(later)) == endpoint
    assert await catalogue.endpoint_of(normal(bob)) != endpoint


async def test_a_revoked_certificate_is_shown_as_revoked(catalogue: Catalogue) -> None:
    await catalogue.take(revocation(HOST), HOST.event)
    entry = await catalogue.listing.certificate(normal(HOST))
    assert entry is not None
    assert (entry.state(START), entry.reason, entry.revoked_actively) == ("revoked", 1, True)


async def test_hosts_are_due_for_a_look_and_people_never(catalogue: Catalogue) -> None:
    await catalogue.take(HOST.event, USER.event)
    late = int((START + dt.timedelta(hours=23)).timestamp())
    due = await catalogue.storage.due(late, 10)
    assert [each.last for each in due] == [normal(HOST)]
    assert due[0].warn_at is not None


class Records(NoSSHRecords):
    """The issuing authority's lists of SSH certificates, in pages of one."""

    def ListIssued(self, request: Any, context: Any) -> AsyncIterator[Any]:
        return self._pages([])

    def ListRevoked(self, request: Any, context: Any) -> AsyncIterator[Any]:
        return self._pages([])

    async def ListIssuers(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def GetCertificate(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    def ListSSHIssued(self, request: Any, context: Any) -> AsyncIterator[Any]:
        found = [each.record for each in (HOST, USER, NEXT)]
        return self._pages([issuing_pb2.IssuedPage(records=[each]) for each in found])

    def ListSSHRevoked(self, request: Any, context: Any) -> AsyncIterator[Any]:
        each = issuing_pb2.Revoked(position=1, serial=HOST.serial, issuer=ISSUER, active=True)
        each.revoked_at.FromDatetime(START)
        return self._pages([issuing_pb2.RevokedPage(revocations=[each])])

    async def _pages(self, pages: list[Any]) -> AsyncIterator[Any]:
        for page in pages:
            yield page


async def test_a_rebuilt_catalogue_equals_the_records_of_the_issuing_authority(
    catalogue: Catalogue,
) -> None:
    server = LocalServer()
    add = issuing_pb2_grpc.add_RepositoryServicer_to_server
    server.add(RPCService("newel.issuing.v1.Repository", add, Records(), ("inventory",)))
    stub: Any = issuing_pb2_grpc.RepositoryStub(LocalChannel(server, "inventory"))
    reconciler = Reconciler(
        stub, catalogue.projection, catalogue.storage, catalogue.clock, Reconcile(),
        catalogue.audit, catalogue.metrics,
    )  # fmt: skip # the parts
    await reconciler.run()
    assert await list_serials(catalogue) == [
        each.serial.lstrip(b"\0").hex() for each in (HOST, USER, NEXT)
    ]
    host = await catalogue.listing.certificate(normal(HOST))
    assert host is not None
    assert host.revoked_actively
    assert await catalogue.endpoint_of(normal(NEXT)) == host.endpoint


async def test_the_list_says_the_type_over_http(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    await catalogue.take(HOST.event, USER.event)
    async with inventory_client(catalogue, ada.der, records=IssuedRecords([])) as client:
        page = (await client.get("/inventory/certificates?type=ssh-host")).json()
        assert [(each["type"], each["subject"]) for each in page["certificates"]] == [
            ("ssh-host", "db")
        ]
        endpoints = (await client.get("/inventory/endpoints?type=ssh-user")).json()["endpoints"]
        assert [each["type"] for each in endpoints] == ["ssh-user"]
        assert (await client.get("/inventory/certificates?type=ssh")).status_code == 400
        assert (await client.get("/inventory/certificates/07/chain")).status_code == 404


def test_a_certificate_without_an_end_ends_with_the_calendar() -> None:
    forever = make_ssh("user", "ada", "ada", serial=1, end=certificates.FOREVER)
    assert read_ssh_certificate(forever.der).not_after == certificates.LATEST


@pytest.mark.parametrize("cut", [0, 1, 40, 200, -1])
def test_octets_that_are_no_ssh_certificate_are_refused(cut: int) -> None:
    with pytest.raises(UnreadableCertificateError):
        read_ssh_certificate(HOST.der[:cut])


async def test_an_event_that_cannot_be_read_does_not_stop_those_behind_it(
    catalogue: Catalogue,
) -> None:
    message = events_pb2.CertificateIssued(der=b"odd")
    odd = make_event("newel.ssh.issued.v1", message.SerializeToString())
    await catalogue.take(odd, HOST.event)
    assert await list_serials(catalogue) == ["07"]
    assert catalogue.audit.lines[-1][:2] == ("inventory.event", "refused")
