"""How the service learns: events in any order, any number of times, and the lists behind them."""

import datetime as dt

import grpc
import pytest
from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import (
    NOW,
    ValidationHarness,
    issuance_event,
    octets,
    record,
    revocation_event,
    stamp,
)
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.database.contract import Statement
from newel.runtime.events.contract import Event

COUNT = Statement("SELECT count(*) FROM certificate_status")
TOMORROW = NOW + dt.timedelta(days=1)


async def says(harness: ValidationHarness, serial: int) -> OCSPCertStatus:
    return (await harness.status(harness.ca.leaf(serial))).certificate_status


async def test_the_same_events_again_change_nothing(each_harness: ValidationHarness) -> None:
    certificate = each_harness.ca.leaf(0x7001)
    events = [
        issuance_event(certificate, each_harness.ca.id),
        revocation_event(0x7001, each_harness.ca.id, NOW, TOMORROW, 4),
        revocation_event(0x7001, each_harness.ca.id, NOW + dt.timedelta(hours=1), TOMORROW, 5),
    ]
    for _ in range(2):
        await each_harness.deliver(*events)
    response = await each_harness.status(certificate)
    assert response.certificate_status == OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == NOW
    assert await each_harness.database.fetch(COUNT) == [(1,)]


async def test_a_raised_reason_whose_event_was_lost_is_found(
    each_harness: ValidationHarness,
) -> None:
    await each_harness.issue(0x7001)
    await each_harness.revoke(0x7001, reason=4)
    assert (
        await each_harness.status(each_harness.ca.leaf(0x7001))
    ).revocation_reason == x509.ReasonFlags.superseded
    each_harness.lists.revoked = [lost_revocation(each_harness, 7, 0x7001)]
    await each_harness.parts.reconciler.compare_revocations()
    raised = await each_harness.status(each_harness.ca.leaf(0x7001))
    assert raised.revocation_reason == x509.ReasonFlags.key_compromise


async def test_a_revocation_may_come_before_its_certificate(
    each_harness: ValidationHarness,
) -> None:
    await each_harness.deliver(revocation_event(0x7001, each_harness.ca.id, NOW, TOMORROW))
    assert await says(each_harness, 0x7001) == OCSPCertStatus.REVOKED
    await each_harness.issue(0x7001)
    assert await says(each_harness, 0x7001) == OCSPCertStatus.REVOKED


async def test_a_renewal_is_a_certificate_too(harness: ValidationHarness) -> None:
    await harness.deliver(issuance_event(harness.ca.leaf(0x7001), harness.ca.id, renewed=True))
    assert await says(harness, 0x7001) == OCSPCertStatus.GOOD


async def test_a_passive_revocation_stays_good_until_an_active_one(
    harness: ValidationHarness,
) -> None:
    await harness.issue(0x7001)
    await harness.revoke(0x7001, active=False)
    assert await says(harness, 0x7001) == OCSPCertStatus.GOOD
    await harness.revoke(0x7001, active=True)
    assert await says(harness, 0x7001) == OCSPCertStatus.REVOKED


@pytest.mark.parametrize("serial", [0x80, 0x7F, 0xFF00000000000000, 1])
async def test_a_serial_is_the_same_with_and_without_its_leading_zero(
    harness: ValidationHarness, serial: int
) -> None:
    await harness.issue(serial)
    assert await says(harness, serial) == OCSPCertStatus.GOOD
    await harness.revoke(serial)
    assert await says(harness, serial) == OCSPCertStatus.REVOKED


async def test_an_event_that_cannot_be_read_holds_nothing_up(harness: ValidationHarness) -> None:
    await harness.deliver(
        Event("broken", "newel.certificate.issued.v1", b"\xff", 0),
        issuance_event(harness.ca.leaf(0x7001), harness.ca.id),
    )
    assert await says(harness, 0x7001) == OCSPCertStatus.GOOD
    event, result, facts = harness.audit.lines[-1]
    assert (event, result, facts["event_id"]) == ("status.projection", "refused", "broken")


def lost_revocation(
    harness: ValidationHarness, position: int, serial: int, *, active: bool = True
) -> issuing_pb2.Revoked:
    return issuing_pb2.Revoked(
        position=position,
        serial=octets(serial),
        issuer=harness.ca.id,
        reason=1,
        active=active,
        revoked_at=stamp(NOW - dt.timedelta(minutes=1)),
        not_after=stamp(TOMORROW),
    )


async def test_a_lost_revocation_is_found_counted_and_shown(
    each_harness: ValidationHarness,
) -> None:
    await each_harness.issue(0x7001)
    assert await says(each_harness, 0x7001) == OCSPCertStatus.GOOD
    each_harness.lists.revoked = [
        lost_revocation(each_harness, 3, 0x7009, active=False),
        lost_revocation(each_harness, 7, 0x7001),
    ]
    for _ in range(2):
        await each_harness.parts.reconciler.compare_revocations()
    assert await says(each_harness, 0x7001) == OCSPCertStatus.REVOKED
    assert each_harness.registry.get_sample_value("newel_validation_repaired_total") == 1


async def test_a_lost_certificate_is_found(each_harness: ValidationHarness) -> None:
    certificate = each_harness.ca.leaf(0x7001)
    each_harness.lists.records = [record(certificate, each_harness.ca.id, 5)]
    await each_harness.parts.reconciler.compare_certificates()
    assert await says(each_harness, 0x7001) == OCSPCertStatus.GOOD
    each_harness.lists.records[0].position = 4
    await each_harness.parts.reconciler.compare_certificates()
    assert await each_harness.database.fetch(COUNT) == [(1,)]


async def test_a_comparison_that_fails_leaves_the_lag_as_it_is(harness: ValidationHarness) -> None:
    harness.moved.advance(dt.timedelta(hours=1))
    harness.lists.away = True
    with pytest.raises(grpc.RpcError):
        await harness.parts.reconciler.compare_revocations()
    await harness.parts.changes.poll()
    await harness.parts.watch.refresh()
    assert harness.registry.get_sample_value("newel_validation_lag_seconds") == 3600


async def test_what_expired_long_ago_is_forgotten(each_harness: ValidationHarness) -> None:
    await each_harness.issue(0x7001, NOW + dt.timedelta(hours=1))
    await each_harness.issue(0x7002, NOW + dt.timedelta(days=2))
    each_harness.moved.advance(dt.timedelta(days=7, hours=2))
    await each_harness.parts.maintenance.sweep()
    assert await each_harness.database.fetch(COUNT) == [(1,)]
