"""A clock that ran ahead and was put back: nothing that it wrote holds up what is true now."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import ValidationHarness, request_for
from newel.runtime.errors import NewelError

DAY = dt.timedelta(days=1)


async def agree(harness: ValidationHarness) -> None:
    """One round of what a worker does for all."""
    await harness.parts.maintenance.compare()
    await harness.parts.publisher.publish_due()
    await harness.parts.changes.poll()


async def test_an_answer_from_the_future_is_made_again(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001, harness.clock.now() + 3 * DAY)
    harness.moved.advance(DAY)
    await agree(harness)
    assert (await harness.status(certificate)).this_update_utc == harness.clock.now()
    harness.moved.advance(-DAY)
    await agree(harness)
    again = await harness.status(certificate)
    assert again.certificate_status == OCSPCertStatus.GOOD
    assert again.this_update_utc <= harness.clock.now()


async def test_a_revoked_answer_from_the_future_is_made_again(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001, harness.clock.now() + 3 * DAY)
    await harness.revoke(0x7001)
    harness.moved.advance(DAY)
    await agree(harness)
    await harness.status(certificate)
    harness.moved.advance(-DAY)
    again = await harness.status(certificate)
    assert again.certificate_status == OCSPCertStatus.REVOKED
    assert again.this_update_utc <= harness.clock.now()


async def test_a_crl_from_the_future_is_replaced_and_lists_what_is_revoked_now(
    harness: ValidationHarness,
) -> None:
    harness.moved.advance(DAY)
    await agree(harness)
    ahead = x509.load_der_x509_crl((await harness.get("/crl")).body)
    harness.moved.advance(-DAY)
    with pytest.raises(NewelError, match="not compared"):
        await harness.parts.watch.ready()
    await harness.issue(0x7001)
    await harness.revoke(0x7001)
    await agree(harness)
    crl = x509.load_der_x509_crl((await harness.get("/crl")).body)
    assert crl.last_update_utc <= harness.clock.now()
    assert number(crl) > number(ahead)
    assert crl.get_revoked_certificate_by_serial_number(0x7001)
    await harness.parts.watch.ready()


async def test_a_comparison_in_the_future_proves_nothing_now(harness: ValidationHarness) -> None:
    """Else a responder cut off from the issuing authority would say "good" for a day longer."""
    certificate = await harness.issue(0x7001, harness.clock.now() + 3 * DAY)
    harness.moved.advance(DAY)
    await agree(harness)
    harness.moved.advance(-DAY)
    await harness.parts.changes.poll()
    reply = await harness.post(request_for(certificate, harness.ca))
    assert reply.body == b"\x30\x03\x0a\x01\x03"  # tryLater
    await agree(harness)
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_certificates_are_compared_again_after_the_clock_was_put_back(
    harness: ValidationHarness,
) -> None:
    harness.moved.advance(DAY)
    await agree(harness)
    harness.moved.advance(-DAY)
    asked = harness.lists.asked_for_issued
    await harness.parts.maintenance.compare()
    assert harness.lists.asked_for_issued == asked + 1


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
