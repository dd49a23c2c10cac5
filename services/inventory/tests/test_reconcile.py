"""What events missed is read from the issuing authority's lists ."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from fixtures.catalogue import ISSUER, START, IssuedCertificate, make_issued
from fixtures.inventory import Catalogue
from fixtures.no_ssh import NoSSHRecords
from newel.inventory.config import Reconcile
from newel.inventory.reconcile import Reconciler
from newel.proto.issuing.v1 import issuing_pb2, issuing_pb2_grpc
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.service import RPCService


class Records(NoSSHRecords):
    """An issuing authority's lists, in pages of two."""

    def __init__(self) -> None:
        self.issued: list[issuing_pb2.Record] = []
        self.revoked: list[issuing_pb2.Revoked] = []
        self.asked: list[int] = []

    async def ListIssuers(
        self, request: issuing_pb2.ListIssuersRequest, context: Any
    ) -> issuing_pb2.ListIssuersResponse:
        return issuing_pb2.ListIssuersResponse()

    async def GetCertificate(
        self, request: issuing_pb2.GetCertificateRequest, context: Any
    ) -> issuing_pb2.GetCertificateResponse:
        return issuing_pb2.GetCertificateResponse()

    async def ListIssued(
        self, request: issuing_pb2.ListRequest, context: Any
    ) -> AsyncIterator[issuing_pb2.IssuedPage]:
        self.asked.append(request.after)
        found = [each for each in self.issued if each.position > request.after]
        for start in range(0, len(found), 2):
            yield issuing_pb2.IssuedPage(records=found[start : start + 2])

    async def ListRevoked(
        self, request: issuing_pb2.ListRequest, context: Any
    ) -> AsyncIterator[issuing_pb2.RevokedPage]:
        found = [each for each in self.revoked if each.position > request.after]
        yield issuing_pb2.RevokedPage(revocations=found)

    def revoke(self, certificate: IssuedCertificate, at: dt.datetime) -> None:
        each = issuing_pb2.Revoked(
            position=len(self.revoked) + 1, serial=certificate.serial, issuer=ISSUER, active=True
        )
        each.revoked_at.FromDatetime(at)
        self.revoked.append(each)


def reconciliation(catalogue: Catalogue, records: Records) -> Reconciler:
    server = LocalServer()
    server.add(
        RPCService(
            "newel.issuing.v1.Repository",
            issuing_pb2_grpc.add_RepositoryServicer_to_server,
            records,
            ("inventory",),
        )
    )
    return Reconciler(
        issuing_pb2_grpc.RepositoryStub(LocalChannel(server, "inventory")),
        catalogue.projection,
        catalogue.storage,
        catalogue.clock,
        Reconcile(settle=dt.timedelta(minutes=1)),
        catalogue.audit,
        catalogue.metrics,
    )


async def test_missed_certificates_and_revocations_are_filled_in(catalogue: Catalogue) -> None:
    first = make_issued("a.example")
    second = make_issued("a.example", renews=first, at=START + dt.timedelta(hours=1))
    other = make_issued("b.example", at=START + dt.timedelta(hours=1))
    records = Records()
    records.issued = [first.record, second.record, other.record]
    records.revoke(other, START)
    await catalogue.take(first.event)  # the others' events were lost
    catalogue.clock.advance(dt.timedelta(hours=2))
    compare = reconciliation(catalogue, records)
    await compare.run()
    assert await catalogue.endpoint_of(second.serial) == await catalogue.endpoint_of(first.serial)
    entry = await catalogue.listing.certificate(other.serial)
    assert entry is not None
    assert entry.revoked_actively
    assert catalogue.registry.get_sample_value("newel_inventory_missed_total") == 2
    await compare.run()
    assert records.asked == [0, other.record.position]


async def test_the_newest_are_read_again(catalogue: Catalogue) -> None:
    """A neighbour of a fresh record may not have been committed: the cursor stays before it."""
    old = make_issued("a.example", at=START - dt.timedelta(hours=1))
    fresh, late = make_issued("b.example"), make_issued("c.example")
    records = Records()
    records.issued = [old.record, late.record]
    compare = reconciliation(catalogue, records)
    await compare.run()
    records.issued = [old.record, fresh.record, late.record]
    await compare.run()
    assert records.asked == [0, old.record.position]
    assert await catalogue.endpoint_of(fresh.serial)


async def test_an_unreadable_record_is_passed_over(catalogue: Catalogue) -> None:
    good = make_issued("a.example")
    records = Records()
    records.issued = [issuing_pb2.Record(position=1, der=b"no"), good.record]
    await reconciliation(catalogue, records).run()
    assert await catalogue.endpoint_of(good.serial)
    assert catalogue.audit.outcomes("inventory.record") == ["refused"]


async def test_reconciling_beside_the_events_takes_each_certificate_once(
    catalogue: Catalogue,
) -> None:
    line = [make_issued(f"host-{number}.example") for number in range(20)]
    records = Records()
    records.issued = [each.record for each in line]
    compare = reconciliation(catalogue, records)
    await asyncio.gather(
        compare.run(), *(catalogue.take(each.event) for each in line), compare.run()
    )
    assert await catalogue.rows("SELECT count(*) FROM certificates") == [(20,)]
    assert await catalogue.rows("SELECT count(*) FROM endpoints") == [(20,)]
