"""What OCSP says of serial numbers that were never issued, as RFC 6960 §2.2 extends it."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import HASHES, ValidationHarness, open_harness, request_for

EXTENDED_REVOKE = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.9")


@pytest.fixture
async def harness(tmp_path: Path) -> ValidationHarness:
    url = f"sqlite:///{tmp_path / 'v.db'}"
    return await open_harness(tmp_path, url, ocsp={"never_issued": "revoked"})


@pytest.mark.attack("X07")
async def test_it_is_revoked_since_1970_and_the_answer_says_what_that_means(
    harness: ValidationHarness,
) -> None:
    for algorithm in HASHES:
        answer = await harness.status(harness.ca.leaf(0x7001), algorithm)
        assert answer.certificate_status is OCSPCertStatus.REVOKED
        assert answer.revocation_reason is x509.ReasonFlags.certificate_hold
        assert answer.revocation_time_utc == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        assert answer.extensions.get_extension_for_oid(EXTENDED_REVOKE).value == (
            x509.UnrecognizedExtension(EXTENDED_REVOKE, b"\x05\x00")
        )
        assert answer.next_update_utc == harness.moved.now() + dt.timedelta(minutes=1)
    await harness.close()


async def test_what_was_issued_is_good_or_revoked_as_ever(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    reply = await harness.post(request_for(certificate, harness.ca, nonce=b"n" * 32))
    answer = harness.verify(reply)
    assert answer.certificate_status is OCSPCertStatus.GOOD
    assert {each.oid for each in answer.extensions} == {x509.OCSPNonce.oid, EXTENDED_REVOKE}
    await harness.revoke(0x7001)
    revoked = await harness.status(certificate)
    assert revoked.revocation_reason is x509.ReasonFlags.key_compromise
    assert revoked.public_bytes(Encoding.DER)
    await harness.close()
