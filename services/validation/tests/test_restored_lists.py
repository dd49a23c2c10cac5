"""After a restore from a backup no list is served for longer than it takes to make the next one."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.validation import ValidationHarness, open_harness
from newel.validation.app import make_lists_due


@pytest.mark.attack("X09")
async def test_lists_are_made_again_at_once_after_a_restore(
    each_harness: ValidationHarness, tmp_path: Path
) -> None:
    harness = each_harness
    await harness.revoke(0x7001, not_after=harness.moved.now() + dt.timedelta(minutes=1))
    before = await publish_and_fetch(harness)
    harness.moved.advance(dt.timedelta(minutes=5))  # too early for the next one
    assert number(await publish_and_fetch(harness)) == number(before)
    await make_lists_due(harness.ports.database)
    restarted = await open_harness(tmp_path / "again", harness.url, beside=harness)
    after = await publish_and_fetch(restarted)
    assert number(after) > number(before)
    assert [each.serial_number for each in after] == [0x7001]  # on one list past its end
    await restarted.close()


async def publish_and_fetch(harness: ValidationHarness) -> x509.CertificateRevocationList:
    await harness.parts.publisher.publish_due()
    return x509.load_der_x509_crl((await harness.get(f"/crl/{harness.ca.id}.crl")).body)


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
