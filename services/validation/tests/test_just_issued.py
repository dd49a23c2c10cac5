"""A client may ask about its certificate before the event of it has arrived here."""

import asyncio

from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import ValidationHarness, issuance_event
from newel.crypto import serials


def new_serial(harness: ValidationHarness, ago: float = 0) -> int:
    return serials.to_int(serials.new_serial(harness.clock.unix() - ago, b"\x11" * 12))


async def test_a_certificate_made_this_moment_is_waited_for(harness: ValidationHarness) -> None:
    certificate = harness.ca.leaf(new_serial(harness))
    asking = asyncio.gather(harness.status(certificate))
    await asyncio.sleep(0.12)
    await harness.deliver(issuance_event(certificate, harness.ca.id))
    (response,) = await asking
    assert response.certificate_status == OCSPCertStatus.GOOD


async def test_one_that_never_was_is_unknown_in_the_end(harness: ValidationHarness) -> None:
    made_up = harness.ca.leaf(new_serial(harness))
    assert (await harness.status(made_up)).certificate_status == OCSPCertStatus.UNKNOWN
    old = harness.ca.leaf(new_serial(harness, ago=60))
    async with asyncio.timeout(0.5):
        assert (await harness.status(old)).certificate_status == OCSPCertStatus.UNKNOWN
