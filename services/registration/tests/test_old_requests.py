"""``/sign`` takes the requests that old programs make."""

import pytest

from fixtures.registration import RegistrationHarness
from newel.crypto import der, keys, pem


def request_of_version(version: int) -> str:
    key = keys.generate()
    body = der.sequence(
        der.integer(version), b"\x30\x00", keys.spki(key.public_key()), der.explicit(0, b"")
    )
    algorithm = keys.signature_algorithm(key.public_key())
    octets = der.sequence(body, algorithm, der.bit_string(keys.sign(key, body)))
    return pem.encode(octets, "CERTIFICATE REQUEST").decode()


@pytest.mark.parametrize("version", [1, 2])
async def test_a_request_of_an_old_program_becomes_a_certificate(
    ra: RegistrationHarness, version: int
) -> None:
    token = ra.admin.token("foo.internal")
    assert (await ra.sign(token, request_of_version(version))).status_code == 201


async def test_the_part_of_a_request_that_is_wrong_is_told(ra: RegistrationHarness) -> None:
    answer = await ra.sign(ra.admin.token("foo.internal"), request_of_version(3))
    assert answer.status_code == 400
    assert "invalid csr: the version in the request is not 0, 1 or 2" in answer.json()["message"]


async def test_text_around_a_request_is_passed_over(ra: RegistrationHarness) -> None:
    text = "Certificate Request:\r\n    Data:\r\n" + request_of_version(0)
    assert (await ra.sign(ra.admin.token("foo.internal"), text)).status_code == 201
