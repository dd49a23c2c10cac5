"""X08: however a certificate was asked about before, its revocation shows."""

import asyncio
import base64
import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus

from fixtures.validation import HASHES, House, Reply, open_house, request_for


def forms(request: bytes, issuer: str) -> list[str]:
    """GET paths that mean this request."""
    text = base64.b64encode(request).decode()
    return [
        "/ocsp/" + quote(text, safe=""),
        "/ocsp/" + text,
        "/ocsp//" + text.rstrip("="),
        f"/ocsp/{issuer}/" + quote(text, safe="/"),
    ]


async def every_answer(house: House, certificate: Any) -> list[Reply]:
    replies: list[Reply] = []
    for algorithm in HASHES:
        request = request_for(certificate, house.ca, algorithm)
        replies.append(await house.post(request))
        replies.append(await house.post(request, f"/ocsp/{house.ca.id}"))
        replies += [await house.get(path) for path in forms(request, house.ca.id)]
    return replies


def statuses(replies: list[Reply]) -> set[OCSPCertStatus]:
    return {ocsp.load_der_ocsp_response(reply.body).certificate_status for reply in replies}


@pytest.mark.attack("X08")
async def test_a_revocation_purges_every_variant(each_house: House) -> None:
    certificate = await each_house.issue(0x7001)
    for _ in range(2):
        assert statuses(await every_answer(each_house, certificate)) == {OCSPCertStatus.GOOD}
    assert len(each_house.signer.signed) == len(HASHES)
    await each_house.revoke(0x7001)
    assert statuses(await every_answer(each_house, certificate)) == {OCSPCertStatus.REVOKED}
    assert len(each_house.signer.signed) == 2 * len(HASHES)


@pytest.mark.attack("X08")
async def test_another_worker_sees_it_at_its_next_look(each_house: House) -> None:
    other = await open_house(each_house.folder / "other", each_house.url, beside=each_house)
    certificate = await each_house.issue(0x7001)
    assert statuses(await every_answer(other, certificate)) == {OCSPCertStatus.GOOD}
    await each_house.revoke(0x7001)
    await other.parts.changes.look()
    assert statuses(await every_answer(other, certificate)) == {OCSPCertStatus.REVOKED}
    await other.close()


@pytest.mark.attack("X08")
async def test_a_revocation_during_the_signature_is_not_lost(house: House) -> None:
    """The status was read, the signer is at work, the revocation arrives: nothing good is kept."""
    certificate = await house.issue(0x7001)
    house.signer.gate = asyncio.Event()
    asking = asyncio.gather(house.status(certificate))
    await house.signer.asked.wait()
    await house.revoke(0x7001)
    house.signer.gate.set()
    (response,) = await asking
    assert response.certificate_status == OCSPCertStatus.REVOKED
    assert (await house.status(certificate)).certificate_status == OCSPCertStatus.REVOKED


@pytest.mark.attack("X08")
async def test_more_changes_than_a_look_takes_empty_the_cache(house: House) -> None:
    other = await open_house(house.folder / "other", house.url, beside=house)
    certificate = await house.issue(0x7001)
    await other.status(certificate)
    for serial in range(0x8000, 0x8000 + 1001):
        await house.revoke(serial)
    await house.revoke(0x7001)
    await other.parts.changes.look()
    assert (await other.status(certificate)).certificate_status == OCSPCertStatus.REVOKED
    await other.close()


@pytest.mark.attack("X08")
async def test_caches_between_hold_an_answer_for_a_second(house: House) -> None:
    certificate = await house.issue(0x7001)
    request = request_for(certificate, house.ca)
    (path, *_) = forms(request, house.ca.id)
    reply = await house.get(path)
    assert reply.headers[b"cache-control"] == b"max-age=1, public, no-transform, must-revalidate"
    assert reply.headers[b"last-modified"] == b"Sat, 21 Nov 2026 12:00:00 GMT"
    assert reply.headers[b"expires"] == b"Sun, 22 Nov 2026 12:00:00 GMT"
    assert b"pragma" not in reply.headers
    tag = (b"if-none-match", reply.headers[b"etag"])
    assert (await house.get(path, tag)).status == 304
    await house.revoke(0x7001)
    changed = await house.get(path, tag)
    assert changed.status == 200
    assert changed.headers[b"etag"] != reply.headers[b"etag"]


async def test_a_kept_answer_costs_neither_signature_nor_sql(house: House) -> None:
    certificate = await house.issue(0x7001)
    await every_answer(house, certificate)
    await house.database.close()
    house.signer.away = True
    assert statuses(await every_answer(house, certificate)) == {OCSPCertStatus.GOOD}


async def test_an_answer_is_made_anew_at_half_its_life(house: House) -> None:
    certificate = await house.issue(0x7001)
    first = await house.status(certificate)
    for _ in range(4):
        house.moved.advance(dt.timedelta(hours=3))
        await house.parts.reconciler.revocations()
        await house.parts.changes.look()
    second = await house.status(certificate)
    assert second.this_update_utc == first.this_update_utc + dt.timedelta(hours=12)
