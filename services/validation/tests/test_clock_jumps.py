"""A clock that ran ahead for a while and was put back: nothing it wrote down holds up what is true now."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import House, request_for
from newel.runtime.errors import NewelError

DAY = dt.timedelta(days=1)


async def agree(house: House) -> None:
    """One round of what a worker does for all."""
    await house.parts.upkeep.compare()
    await house.parts.publisher.publish_due()
    await house.parts.changes.look()


async def test_an_answer_from_the_future_is_made_anew(house: House) -> None:
    certificate = await house.issue(0x7001, house.clock.now() + 3 * DAY)
    house.moved.advance(DAY)
    await agree(house)
    assert (await house.status(certificate)).this_update_utc == house.clock.now()
    house.moved.advance(-DAY)
    await agree(house)
    again = await house.status(certificate)
    assert again.certificate_status == OCSPCertStatus.GOOD
    assert again.this_update_utc <= house.clock.now()


async def test_a_revoked_answer_from_the_future_is_made_anew(house: House) -> None:
    certificate = await house.issue(0x7001, house.clock.now() + 3 * DAY)
    await house.revoke(0x7001)
    house.moved.advance(DAY)
    await agree(house)
    await house.status(certificate)
    house.moved.advance(-DAY)
    again = await house.status(certificate)
    assert again.certificate_status == OCSPCertStatus.REVOKED
    assert again.this_update_utc <= house.clock.now()


async def test_a_crl_from_the_future_is_replaced_and_lists_what_is_revoked_now(
    house: House,
) -> None:
    house.moved.advance(DAY)
    await agree(house)
    ahead = x509.load_der_x509_crl((await house.get("/crl")).body)
    house.moved.advance(-DAY)
    with pytest.raises(NewelError, match="not compared"):
        await house.parts.watch.ready()
    await house.issue(0x7001)
    await house.revoke(0x7001)
    await agree(house)
    crl = x509.load_der_x509_crl((await house.get("/crl")).body)
    assert crl.last_update_utc <= house.clock.now()
    assert number(crl) > number(ahead)
    assert crl.get_revoked_certificate_by_serial_number(0x7001)
    await house.parts.watch.ready()


async def test_a_comparison_in_the_future_proves_nothing_now(house: House) -> None:
    """Else a responder cut off from the issuing authority would say "good" for a day longer."""
    certificate = await house.issue(0x7001, house.clock.now() + 3 * DAY)
    house.moved.advance(DAY)
    await agree(house)
    house.moved.advance(-DAY)
    await house.parts.changes.look()
    reply = await house.post(request_for(certificate, house.ca))
    assert reply.body == b"\x30\x03\x0a\x01\x03"  # tryLater
    await agree(house)
    assert (await house.status(certificate)).certificate_status == OCSPCertStatus.GOOD


async def test_certificates_are_compared_again_after_the_clock_was_put_back(house: House) -> None:
    house.moved.advance(DAY)
    await agree(house)
    house.moved.advance(-DAY)
    asked = house.lists.asked_for_issued
    await house.parts.upkeep.compare()
    assert house.lists.asked_for_issued == asked + 1


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
