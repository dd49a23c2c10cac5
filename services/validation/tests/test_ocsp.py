"""OCSP responses (RFC 6960, RFC 9919, RFC 9654)."""

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus

from fixtures.validation import (
    HASHES,
    NOW,
    SHA1,
    Reply,
    ValidationHarness,
    open_harness,
    request_for,
)
from fixtures.validation_pki import CertificateAuthority
from newel.crypto import der

SHA1_OID = der.oid("1.3.14.3.2.26")


def outcome(reply: Reply) -> OCSPResponseStatus:
    assert reply.status == 200
    assert reply.headers[b"content-type"] == b"application/ocsp-response"
    return ocsp.load_der_ocsp_response(reply.body).response_status


async def test_issued_is_good_until_it_is_revoked(each_harness: ValidationHarness) -> None:
    certificate = await each_harness.issue(0x7001)
    response = await each_harness.status(certificate)
    assert response.certificate_status == OCSPCertStatus.GOOD
    assert response.serial_number == 0x7001
    each_harness.moved.advance(dt.timedelta(seconds=90))
    await each_harness.revoke(0x7001, reason=4)
    response = await each_harness.status(certificate)
    assert response.certificate_status == OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == NOW + dt.timedelta(seconds=90)
    assert response.revocation_reason == x509.ReasonFlags.superseded


async def test_times_and_responder_are_as_rfc_9919_wants_them(harness: ValidationHarness) -> None:
    response = await harness.status(await harness.issue(0x7001))
    assert response.this_update_utc == response.produced_at_utc == NOW
    assert response.next_update_utc == NOW + dt.timedelta(hours=24)
    (responder,) = response.certificates
    assert response.responder_name is None
    assert (
        response.responder_key_hash
        == x509.SubjectKeyIdentifier.from_public_key(responder.public_key()).digest
    )
    assert len(list(response.extensions)) == 0


async def test_no_answer_outlives_its_responder(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    harness.moved.advance(dt.timedelta(days=29, hours=12))
    await harness.parts.reconciler.compare_revocations()
    await harness.parts.changes.poll()
    response = await harness.status(certificate)
    assert response.next_update_utc == NOW + dt.timedelta(days=30)


@pytest.mark.attack("X07")
async def test_what_was_never_issued_is_unknown_and_never_good(
    each_harness: ValidationHarness,
) -> None:
    """A rogue certificate with our issuer's name, key and signature, but no record."""
    rogue = each_harness.ca.leaf(0x666)
    assert (await each_harness.status(rogue)).certificate_status == OCSPCertStatus.UNKNOWN
    await each_harness.deliver()
    assert (await each_harness.status(rogue)).certificate_status == OCSPCertStatus.UNKNOWN


async def test_unknown_lasts_no_longer_than_the_certificate_takes_to_be_heard_of(
    harness: ValidationHarness,
) -> None:
    early = harness.ca.leaf(0x7001)
    assert (await harness.status(early)).next_update_utc == NOW + dt.timedelta(minutes=1)
    await harness.issue(0x7001)
    assert (await harness.status(early)).certificate_status == OCSPCertStatus.GOOD


@pytest.mark.attack("X07")
async def test_the_same_serial_of_another_issuer_is_another_certificate(tmp_path: Any) -> None:
    other, stranger = (
        CertificateAuthority("Other Intermediate", NOW),
        CertificateAuthority("Stranger", NOW),
    )
    url = f"sqlite:///{tmp_path / 'validation.db'}"
    harness = await open_harness(tmp_path, url, others=[other])
    certificate = await harness.issue(0x7001)
    await harness.revoke(0x7001)
    theirs = await harness.issue(0x7001, ca=other)
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.REVOKED
    reply = await harness.post(request_for(theirs, other))
    response = ocsp.load_der_ocsp_response(reply.body)
    assert response.certificate_status == OCSPCertStatus.GOOD
    response.certificates[0].verify_directly_issued_by(other.certificate)
    foreign = await harness.post(request_for(stranger.leaf(0x7001), stranger))
    assert outcome(foreign) == OCSPResponseStatus.UNAUTHORIZED
    await harness.close()


@pytest.mark.attack("X07")
@pytest.mark.parametrize("algorithm", HASHES, ids=lambda one: one.name)
async def test_every_hash_is_understood_and_echoed(
    harness: ValidationHarness, algorithm: hashes.HashAlgorithm
) -> None:
    certificate = await harness.issue(0x7001)
    response = await harness.status(certificate, algorithm)
    assert response.certificate_status == OCSPCertStatus.GOOD
    assert response.hash_algorithm.name == algorithm.name


@pytest.mark.attack("X07")
async def test_algorithm_parameters_come_back_as_they_were_sent(harness: ValidationHarness) -> None:
    request = request_for(await harness.issue(0x7001), harness.ca)
    with_null = der.sequence(SHA1_OID, b"\x05\x00")
    assert with_null in request
    absent = shorten(request.replace(with_null, der.sequence(SHA1_OID)), removed=2)
    for octets, algorithm in ((request, with_null), (absent, der.sequence(SHA1_OID))):
        reply = await harness.post(octets)
        assert outcome(reply) == OCSPResponseStatus.SUCCESSFUL
        assert algorithm in reply.body


def shorten(request: bytes, removed: int) -> bytes:
    """Shorten the nested SEQUENCEs around a CertID."""
    octets = bytearray(request)
    for at in (1, 3, 5, 7, 9):
        assert octets[at - 1] == 0x30
        octets[at] -= removed
    return bytes(octets)


@pytest.mark.attack("X07")
async def test_a_key_hash_over_the_whole_spki_names_nobody(harness: ValidationHarness) -> None:
    certificate = await harness.issue(0x7001)
    spki = harness.ca.certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    right = ocsp.load_der_ocsp_request(request_for(certificate, harness.ca, hashes.SHA256()))
    wrong = (
        ocsp.OCSPRequestBuilder()
        .add_certificate_by_hash(right.issuer_name_hash, digest.finalize(), 0x7001, hashes.SHA256())
        .build()
    )
    reply = await harness.post(wrong.public_bytes(Encoding.DER))
    assert outcome(reply) == OCSPResponseStatus.UNAUTHORIZED


@pytest.mark.attack("X07")
@pytest.mark.parametrize("size", [1, 15, 16, 32, 33, 128])
async def test_a_nonce_is_answered_afresh_and_never_kept(
    harness: ValidationHarness, size: int
) -> None:
    certificate = await harness.issue(0x7001)
    nonce = bytes(range(size))
    request = request_for(certificate, harness.ca, nonce=nonce)
    for times in (1, 2):
        reply = await harness.post(request)
        response = harness.verify(reply)
        found = response.extensions.get_extension_for_class(x509.OCSPNonce).value
        assert found.nonce == nonce
        assert reply.headers[b"cache-control"] == b"no-store"
        assert b"etag" not in reply.headers
        assert len(harness.signer.signed) == times
    plain = await harness.status(certificate)
    assert len(list(plain.extensions)) == 0


@pytest.mark.attack("X07")
@pytest.mark.parametrize("size", [0, 129])
async def test_a_nonce_of_a_wrong_size_is_malformed(harness: ValidationHarness, size: int) -> None:
    request = request_for(await harness.issue(0x7001), harness.ca, nonce=b"n" * size)
    assert outcome(await harness.post(request)) == OCSPResponseStatus.MALFORMED_REQUEST


def many(harness: ValidationHarness, count: int) -> bytes:
    """A request about ``count`` certificates, serials 0x7001 and up."""
    one = ocsp.load_der_ocsp_request(request_for(harness.ca.leaf(0x7001), harness.ca))
    items = [
        der.sequence(
            der.sequence(
                der.sequence(SHA1_OID, b"\x05\x00"),
                der.octet_string(one.issuer_name_hash),
                der.octet_string(one.issuer_key_hash),
                der.integer(0x7001 + number),
            )
        )
        for number in range(count)
    ]
    return der.sequence(der.sequence(der.sequence(*items)))


@pytest.mark.attack("X07")
async def test_several_certificates_are_answered_in_one_response(
    harness: ValidationHarness,
) -> None:
    for serial in (0x7001, 0x7002):
        await harness.issue(serial)
    await harness.revoke(0x7002)
    response = harness.verify(await harness.post(many(harness, 3)))
    assert [one.certificate_status for one in response.responses] == [
        OCSPCertStatus.GOOD,
        OCSPCertStatus.REVOKED,
        OCSPCertStatus.UNKNOWN,
    ]


@pytest.mark.attack("X07")
async def test_too_many_certificates_are_malformed(harness: ValidationHarness) -> None:
    assert outcome(await harness.post(many(harness, 100))) == OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.attack("X07")
async def test_certificates_of_two_issuers_are_not_answered_together(
    harness: ValidationHarness,
) -> None:
    stranger = CertificateAuthority("Stranger", NOW)
    ours = ocsp.load_der_ocsp_request(request_for(harness.ca.leaf(0x7001), harness.ca))
    theirs = ocsp.load_der_ocsp_request(request_for(stranger.leaf(0x7001), stranger))
    request = der.sequence(der.sequence(der.sequence(*[_item(one) for one in (ours, theirs)])))
    assert outcome(await harness.post(request)) == OCSPResponseStatus.UNAUTHORIZED


def _item(one: ocsp.OCSPRequest) -> bytes:
    return der.sequence(
        der.sequence(
            der.sequence(SHA1_OID, b"\x05\x00"),
            der.octet_string(one.issuer_name_hash),
            der.octet_string(one.issuer_key_hash),
            der.integer(one.serial_number),
        )
    )


@pytest.mark.attack("X07")
async def test_what_is_not_der_is_malformed(harness: ValidationHarness) -> None:
    request = request_for(await harness.issue(0x7001), harness.ca)
    ber = b"\x30\x80" + request[2:] + b"\x00\x00"
    for octets in (b"", request + b"\x00", request[:-1], ber, b"\x30\x81" + request[1:], b"GET"):
        reply = await harness.post(octets)
        assert outcome(reply) == OCSPResponseStatus.MALFORMED_REQUEST
        assert reply.headers[b"cache-control"] == b"no-store"


@pytest.mark.attack("X07")
async def test_an_unknown_critical_extension_is_malformed_another_is_ignored(
    harness: ValidationHarness,
) -> None:
    certificate = await harness.issue(0x7001)
    for critical, expected in (
        (True, OCSPResponseStatus.MALFORMED_REQUEST),
        (False, OCSPResponseStatus.SUCCESSFUL),
    ):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        request = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(certificate, harness.ca.certificate, SHA1)
            .add_extension(extension, critical=critical)
            .build()
            .public_bytes(Encoding.DER)
        )
        assert outcome(await harness.post(request)) == expected


async def test_the_key_of_the_issuer_may_answer_itself(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'validation.db'}"
    harness = await open_harness(tmp_path, url, delegated=False)
    certificate = await harness.issue(0x7001)
    response = ocsp.load_der_ocsp_response(
        (await harness.post(request_for(certificate, harness.ca))).body
    )
    assert response.certificate_status == OCSPCertStatus.GOOD
    assert response.certificates == []
    assert harness.signer.signed == [("ocsp", "issuer-0")]
    await harness.close()


@pytest.mark.parametrize("kind", ["P-384", "RSA-2048", "Ed25519"])
async def test_every_kind_of_key_answers(tmp_path: Any, kind: str) -> None:
    harness = await open_harness(tmp_path, f"sqlite:///{tmp_path / 'validation.db'}", kind=kind)
    certificate = await harness.issue(0x7001)
    assert (await harness.status(certificate)).certificate_status == OCSPCertStatus.GOOD
    await harness.close()
