"""How the service learns: events in any order, any number of times, and the lists behind them."""

import datetime as dt

import grpc
import pytest
from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import NOW, House, issued, octets, record, revoked, stamp
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.database.contract import Statement
from newel.runtime.events.contract import Event

COUNT = Statement("SELECT count(*) FROM certificate_status")
TOMORROW = NOW + dt.timedelta(days=1)


async def says(house: House, serial: int) -> OCSPCertStatus:
    return (await house.status(house.ca.leaf(serial))).certificate_status


async def test_the_same_events_again_change_nothing(each_house: House) -> None:
    certificate = each_house.ca.leaf(0x7001)
    events = [
        issued(certificate, each_house.ca.id),
        revoked(0x7001, each_house.ca.id, NOW, TOMORROW, 4),
        revoked(0x7001, each_house.ca.id, NOW + dt.timedelta(hours=1), TOMORROW, 5),
    ]
    for _ in range(2):
        await each_house.deliver(*events)
    response = await each_house.status(certificate)
    assert response.certificate_status == OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == NOW
    assert await each_house.database.fetch(COUNT) == [(1,)]


async def test_a_raised_reason_whose_event_was_lost_is_found(each_house: House) -> None:
    await each_house.issue(0x7001)
    await each_house.revoke(0x7001, reason=4)
    assert (
        await each_house.status(each_house.ca.leaf(0x7001))
    ).revocation_reason == x509.ReasonFlags.superseded
    each_house.lists.revoked = [lost(each_house, 7, 0x7001)]
    await each_house.parts.reconciler.revocations()
    raised = await each_house.status(each_house.ca.leaf(0x7001))
    assert raised.revocation_reason == x509.ReasonFlags.key_compromise


async def test_a_revocation_may_come_before_its_certificate(each_house: House) -> None:
    await each_house.deliver(revoked(0x7001, each_house.ca.id, NOW, TOMORROW))
    assert await says(each_house, 0x7001) == OCSPCertStatus.REVOKED
    await each_house.issue(0x7001)
    assert await says(each_house, 0x7001) == OCSPCertStatus.REVOKED


async def test_a_renewal_is_a_certificate_too(house: House) -> None:
    await house.deliver(issued(house.ca.leaf(0x7001), house.ca.id, renewed=True))
    assert await says(house, 0x7001) == OCSPCertStatus.GOOD


async def test_a_passive_revocation_stays_good_until_an_active_one(house: House) -> None:
    await house.issue(0x7001)
    await house.revoke(0x7001, active=False)
    assert await says(house, 0x7001) == OCSPCertStatus.GOOD
    await house.revoke(0x7001, active=True)
    assert await says(house, 0x7001) == OCSPCertStatus.REVOKED


@pytest.mark.parametrize("serial", [0x80, 0x7F, 0xFF00000000000000, 1])
async def test_a_serial_is_the_same_with_and_without_its_leading_zero(
    house: House, serial: int
) -> None:
    await house.issue(serial)
    assert await says(house, serial) == OCSPCertStatus.GOOD
    await house.revoke(serial)
    assert await says(house, serial) == OCSPCertStatus.REVOKED


async def test_an_event_that_cannot_be_read_holds_nothing_up(house: House) -> None:
    await house.deliver(
        Event("broken", "newel.certificate.issued.v1", b"\xff", 0),
        issued(house.ca.leaf(0x7001), house.ca.id),
    )
    assert await says(house, 0x7001) == OCSPCertStatus.GOOD
    event, result, facts = house.audit.lines[-1]
    assert (event, result, facts["event_id"]) == ("status.projection", "refused", "broken")


def lost(house: House, position: int, serial: int, *, active: bool = True) -> issuing_pb2.Revoked:
    return issuing_pb2.Revoked(
        position=position, serial=octets(serial), issuer=house.ca.id, reason=1, active=active,
        revoked_at=stamp(NOW - dt.timedelta(minutes=1)), not_after=stamp(TOMORROW),
    )  # fmt: skip


async def test_a_lost_revocation_is_found_counted_and_shown(each_house: House) -> None:
    await each_house.issue(0x7001)
    assert await says(each_house, 0x7001) == OCSPCertStatus.GOOD
    each_house.lists.revoked = [
        lost(each_house, 3, 0x7009, active=False),
        lost(each_house, 7, 0x7001),
    ]
    for _ in range(2):
        await each_house.parts.reconciler.revocations()
    assert await says(each_house, 0x7001) == OCSPCertStatus.REVOKED
    assert each_house.registry.get_sample_value("newel_validation_repaired_total") == 1


async def test_a_lost_certificate_is_found(each_house: House) -> None:
    certificate = each_house.ca.leaf(0x7001)
    each_house.lists.records = [record(certificate, each_house.ca.id, 5)]
    await each_house.parts.reconciler.certificates()
    assert await says(each_house, 0x7001) == OCSPCertStatus.GOOD
    each_house.lists.records[0].position = 4
    await each_house.parts.reconciler.certificates()
    assert await each_house.database.fetch(COUNT) == [(1,)]


async def test_a_comparison_that_fails_leaves_the_lag_as_it_is(house: House) -> None:
    house.moved.advance(dt.timedelta(hours=1))
    house.lists.away = True
    with pytest.raises(grpc.RpcError):
        await house.parts.reconciler.revocations()
    await house.parts.changes.look()
    await house.parts.watch.refresh()
    assert house.registry.get_sample_value("newel_validation_lag_seconds") == 3600


async def test_what_expired_long_ago_is_forgotten(each_house: House) -> None:
    await each_house.issue(0x7001, NOW + dt.timedelta(hours=1))
    await each_house.issue(0x7002, NOW + dt.timedelta(days=2))
    each_house.moved.advance(dt.timedelta(days=7, hours=2))
    await each_house.parts.upkeep.sweep()
    assert await each_house.database.fetch(COUNT) == [(1,)]
