"""A client may ask about its certificate before the event of it has arrived here."""

import asyncio

from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import House, issued
from newel.crypto import serials


def new_serial(house: House, ago: float = 0) -> int:
    return serials.to_int(serials.new_serial(house.clock.unix() - ago, b"\x11" * 12))


async def test_a_certificate_made_this_moment_is_waited_for(house: House) -> None:
    certificate = house.ca.leaf(new_serial(house))
    asking = asyncio.gather(house.status(certificate))
    await asyncio.sleep(0.12)
    await house.deliver(issued(certificate, house.ca.id))
    (response,) = await asking
    assert response.certificate_status == OCSPCertStatus.GOOD


async def test_one_that_never_was_is_unknown_in_the_end(house: House) -> None:
    made_up = house.ca.leaf(new_serial(house))
    assert (await house.status(made_up)).certificate_status == OCSPCertStatus.UNKNOWN
    old = house.ca.leaf(new_serial(house, ago=60))
    async with asyncio.timeout(0.5):
        assert (await house.status(old)).certificate_status == OCSPCertStatus.UNKNOWN
