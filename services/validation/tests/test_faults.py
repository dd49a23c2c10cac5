"""The responder when something that it needs is unreachable or wrong."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from cryptography.x509.oid import ExtendedKeyUsageOID

from fixtures.validation import NOW, ValidationHarness, open_harness, request_for
from fixtures.validation_pki import CertificateAuthority, key_usage, write_pem
from newel.crypto import keys
from newel.runtime.errors import NewelError

Make = Callable[[CertificateAuthority, keys.PrivateKey], x509.Certificate]


async def response_status(
    harness: ValidationHarness, certificate: x509.Certificate
) -> OCSPResponseStatus:
    reply = await harness.post(request_for(certificate, harness.ca))
    assert reply.status == 200
    return ocsp.load_der_ocsp_response(reply.body).response_status


async def test_without_the_signer_a_new_answer_comes_later(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    harness.signer.away = True
    assert await response_status(harness, certificate) == OCSPResponseStatus.TRY_LATER
    harness.signer.away = False
    assert await response_status(harness, certificate) == OCSPResponseStatus.SUCCESSFUL


async def test_without_the_signer_a_kept_answer_is_shown_until_it_expires(
    harness: ValidationHarness,
) -> None:
    certificate = await harness.issue(0x7001)
    first = await harness.status(certificate)
    harness.signer.away = True
    for hours in (13, 10):
        harness.moved.advance(dt.timedelta(hours=hours))
        await harness.parts.reconciler.compare_revocations()
        await harness.parts.changes.poll()
        again = await harness.status(certificate)
        assert again.this_update_utc == first.this_update_utc
    harness.moved.advance(dt.timedelta(hours=1))
    assert await response_status(harness, certificate) == OCSPResponseStatus.TRY_LATER


@pytest.mark.attack("X06")
async def test_a_signature_that_does_not_verify_is_never_released(
    harness: ValidationHarness,
) -> None:
    certificate = await harness.issue(0x7001)
    harness.signer.corrupt = True
    assert await response_status(harness, certificate) == OCSPResponseStatus.TRY_LATER
    harness.signer.corrupt = False
    assert await response_status(harness, certificate) == OCSPResponseStatus.SUCCESSFUL


async def test_a_stale_status_is_never_good_but_revoked_stays_revoked(
    harness: ValidationHarness,
) -> None:
    """Past a limit the responder says tryLater rather than a stale good."""
    good, bad = await harness.issue(0x7001), await harness.issue(0x7002)
    await harness.revoke(0x7002)
    for certificate in (good, bad):
        await harness.status(certificate)
    harness.lists.away = True
    harness.moved.advance(dt.timedelta(hours=4))
    await harness.parts.changes.poll()
    assert await response_status(harness, good) == OCSPResponseStatus.TRY_LATER
    assert await response_status(harness, harness.ca.leaf(0x7003)) == OCSPResponseStatus.TRY_LATER
    assert (await harness.status(bad)).certificate_status == OCSPCertStatus.REVOKED
    with pytest.raises(NewelError, match="not compared"):
        await harness.parts.watch.ready()
    harness.lists.away = False
    await harness.parts.reconciler.compare_revocations()
    await harness.parts.changes.poll()
    assert await response_status(harness, good) == OCSPResponseStatus.SUCCESSFUL


async def test_before_the_first_comparison_nothing_is_good(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'validation.db'}"
    harness = await open_harness(tmp_path, url, agreed=False)
    certificate = await harness.issue(0x7001)
    assert await response_status(harness, certificate) == OCSPResponseStatus.TRY_LATER
    await harness.close()


async def test_more_waiting_than_allowed_is_told_to_come_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'validation.db'}"
    harness = await open_harness(tmp_path, url, ocsp={"max_waiting": 2})
    certificates = [await harness.issue(serial) for serial in (0x7001, 0x7002, 0x7003)]
    harness.signer.gate = asyncio.Event()
    asking = asyncio.gather(*(response_status(harness, one) for one in certificates[:2]))
    await harness.signer.asked.wait()
    assert await response_status(harness, certificates[2]) == OCSPResponseStatus.TRY_LATER
    harness.signer.gate.set()
    assert await asking == [OCSPResponseStatus.SUCCESSFUL] * 2
    assert await response_status(harness, certificates[2]) == OCSPResponseStatus.SUCCESSFUL
    await harness.close()


UNFIT: dict[str, Make] = {
    "expired": lambda ca, key: ca.responder(key, NOW - dt.timedelta(seconds=1)),
    "of another issuer": lambda _ca, key: CertificateAuthority("Test Intermediate", NOW).responder(
        key
    ),
    "without nocheck": lambda ca, key: ca.responder(key, no_check=False),
    "an issuer's": lambda ca, key: ca.responder(
        key, more=[x509.BasicConstraints(ca=True, path_length=None)]
    ),
    "not for signatures": lambda ca, key: ca.responder(
        key, more=[key_usage(digital_signature=False, crl_sign=True)]
    ),
    "not for OCSP": lambda ca, key: ca.responder(key, usage=ExtendedKeyUsageOID.SERVER_AUTH),
}


@pytest.mark.attack("X10")
@pytest.mark.parametrize("make", UNFIT.values(), ids=UNFIT.keys())
async def test_an_unfit_responder_says_nothing_and_is_not_ready(
    harness: ValidationHarness, make: Make
) -> None:
    """Clients would refuse its responses; operators hear of it first."""
    certificate = await harness.issue(0x7001)
    file = harness.folder / "ocsp-0.crt"
    fit = file.read_bytes()
    await harness.parts.publisher.publish_due()
    await harness.parts.watch.ready()
    write_pem(file, make(harness.ca, harness.signer.keys["ocsp-0"]))
    started = await open_harness(harness.folder / "other", harness.url, beside=harness)
    assert await response_status(started, certificate) == OCSPResponseStatus.TRY_LATER
    with pytest.raises(NewelError, match="no OCSP responder"):
        await started.parts.watch.ready()
    file.write_bytes(fit)
    await started.parts.watch.refresh()
    assert await response_status(started, certificate) == OCSPResponseStatus.SUCCESSFUL
    await started.parts.watch.ready()
    await started.close()


@pytest.mark.parametrize("make", [*list(UNFIT.values())[1:], None], ids=[*list(UNFIT)[1:], "none"])
async def test_the_responder_that_answers_goes_on_until_there_is_a_fit_one(
    harness: ValidationHarness, make: Make | None
) -> None:
    certificate = await harness.issue(0x7001)
    file = harness.folder / "ocsp-0.crt"
    if make is None:
        file.unlink()
    else:
        write_pem(file, make(harness.ca, harness.signer.keys["ocsp-0"]))
    await harness.parts.watch.refresh()
    assert await response_status(harness, certificate) == OCSPResponseStatus.SUCCESSFUL
    harness.moved.advance(dt.timedelta(days=31))
    assert await response_status(harness, certificate) == OCSPResponseStatus.TRY_LATER
    fit = harness.ca.responder(harness.signer.keys["ocsp-0"], NOW + dt.timedelta(days=60))
    write_pem(file, fit)
    await harness.parts.watch.refresh()
    with pytest.raises(NewelError) as unready:
        await harness.parts.watch.ready()
    assert "responder" not in unready.value.detail


@pytest.mark.attack("X10")
async def test_a_responder_whose_key_the_signer_does_not_have_says_nothing(
    harness: ValidationHarness,
) -> None:
    certificate = await harness.issue(0x7001)
    write_pem(harness.folder / "ocsp-0.crt", harness.ca.responder(keys.generate()))
    await harness.parts.watch.refresh()
    assert await response_status(harness, certificate) == OCSPResponseStatus.TRY_LATER


async def test_a_database_that_fails_is_an_ocsp_error_too(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    await harness.database.close()
    reply: Any = await harness.post(request_for(certificate, harness.ca))
    assert reply.status == 200
    assert ocsp.load_der_ocsp_response(reply.body).response_status in {
        OCSPResponseStatus.INTERNAL_ERROR,
        OCSPResponseStatus.TRY_LATER,
    }
