"""However a certificate was asked about before, its revocation shows."""

import asyncio
import base64
import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import HASHES, Reply, ValidationHarness, open_harness, request_for


def forms(request: bytes, issuer: str) -> list[str]:
    """GET paths that mean this request."""
    text = base64.b64encode(request).decode()
    return [
        "/ocsp/" + quote(text, safe=""),
        "/ocsp/" + text,
        "/ocsp//" + text.rstrip("="),
        f"/ocsp/{issuer}/" + quote(text, safe="/"),
    ]


async def every_answer(harness: ValidationHarness, certificate: Any) -> list[Reply]:
    replies: list[Reply] = []
    for algorithm in HASHES:
        request = request_for(certificate, harness.ca, algorithm)
        replies.append(await harness.post(request))
        replies.append(await harness.post(request, f"/ocsp/{harness.ca.id}"))
        replies += [await harness.get(path) for path in forms(request, harness.ca.id)]
    return replies


def statuses(replies: list[Reply]) -> set[OCSPCertStatus]:
    return {ocsp.load_der_ocsp_response(reply.body).certificate_status for reply in replies}


@pytest.mark.attack("X08")
async def test_a_revocation_purges_every_variant(each_harness: ValidationHarness) -> None:
    certificate = await each_harness.issue(0x7001)
    for _ in range(2):
        assert statuses(await every_answer(each_harness, certificate)) == {OCSPCertStatus.GOOD}
    assert len(each_harness.signer.signed) == len(HASHES)
    await each_harness.revoke(0x7001)
    assert statuses(await every_answer(each_harness, certificate)) == {OCSPCertStatus.REVOKED}
    assert len(each_harness.signer.signed) == 2 * len(HASHES)


@pytest.mark.attack("X08")
async def test_another_worker_sees_it_at_its_next_look(each_harness: ValidationHarness) -> None:
    other = await open_harness(each_harness.folder / "other", each_harness.url, beside=each_harness)
    certificate = await each_harness.issue(0x7001)
    assert statuses(await every_answer(other, certificate)) == {OCSPCertStatus.GOOD}
    await each_harness.revoke(0x7001)
    await other.parts.changes.poll()
    assert statuses(await every_answer(other, certificate)) == {OCSPCertStatus.REVOKED}
    await other.close()


@pytest.mark.attack("X08")
async def test_a_revocation_during_the_signature_is_not_lost(harness: ValidationHarness) -> None:
    """The status was read, the signer is at work, the revocation arrives: nothing good is kept."""
    certificate = await harness.issue(0x7001)
    harness.signer.gate = asyncio.Event()
    asking = asyncio.gather(harness.status(certificate))
    await harness.signer.asked.wait()
    await harness.revoke(0x7001)
    harness.signer.gate.set()
    (response,) = await asking
    assert response.certificate_status == OCSPCertStatus.REVOKED
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.REVOKED


@pytest.mark.attack("X08")
async def test_more_changes_than_a_look_takes_empty_the_cache(harness: ValidationHarness) -> None:
    other = await open_harness(harness.folder / "other", harness.url, beside=harness)
    certificate = await harness.issue(0x7001)
    await other.status(certificate)
    for serial in range(0x8000, 0x8000 + 1001):
        await harness.revoke(serial)
    await harness.revoke(0x7001)
    await other.parts.changes.poll()
    assert (await other.status(certificate)).certificate_status == OCSPCertStatus.REVOKED
    await other.close()


@pytest.mark.attack("X08")
async def test_caches_between_hold_an_answer_for_a_second(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    request = request_for(certificate, harness.ca)
    (path, *_) = forms(request, harness.ca.id)
    reply = await harness.get(path)
    assert reply.headers[b"cache-control"] == b"max-age=1, public, no-transform, must-revalidate"
    assert reply.headers[b"last-modified"] == b"Sat, 21 Nov 2026 12:00:00 GMT"
    assert reply.headers[b"expires"] == b"Sun, 22 Nov 2026 12:00:00 GMT"
    assert b"pragma" not in reply.headers
    tag = (b"if-none-match", reply.headers[b"etag"])
    assert (await harness.get(path, tag)).status == 304
    await harness.revoke(0x7001)
    changed = await harness.get(path, tag)
    assert changed.status == 200
    assert changed.headers[b"etag"] != reply.headers[b"etag"]


async def test_a_kept_answer_costs_neither_signature_nor_sql(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    await every_answer(harness, certificate)
    await harness.database.close()
    harness.signer.away = True
    assert statuses(await every_answer(harness, certificate)) == {OCSPCertStatus.GOOD}


async def test_an_answer_is_made_again_at_half_its_life(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    first = await harness.status(certificate)
    for _ in range(4):
        harness.moved.advance(dt.timedelta(hours=3))
        await harness.parts.reconciler.compare_revocations()
        await harness.parts.changes.poll()
    second = await harness.status(certificate)
    assert second.this_update_utc == first.this_update_utc + dt.timedelta(hours=12)
