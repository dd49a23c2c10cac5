"""OCSP, held against the library's reader and writer and against openssl."""

import contextlib
import datetime as dt
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import given
from hypothesis import strategies as st

from fixtures.library_certificates import signature_hash
from newel.crypto import der, keys, ocsp

THIS = dt.datetime(2024, 11, 21, 12, 0, 0, tzinfo=dt.UTC)
NEXT = dt.datetime(2049, 6, 1, tzinfo=dt.UTC)
HASHES = [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]  # noqa: S303 - RFC 6960
NONCE = "1.3.6.1.5.5.7.48.1.2"


def request_for(
    pki: Any, algorithm: hashes.HashAlgorithm = HASHES[0], nonce: bytes | None = None
) -> bytes:
    builder = library.OCSPRequestBuilder().add_certificate(
        pki.responder.certificate,
        pki.issuer.certificate,
        algorithm,  # pyright: ignore[reportArgumentType] - the four of the list are accepted
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), False)
    return builder.build().public_bytes(Encoding.DER)


def cert_id(serial: bytes = b"\x05", parameters: bytes = b"\x05\x00") -> bytes:
    algorithm = der.sequence(der.oid("1.3.14.3.2.26"), parameters)
    hashed = der.octet_string(bytes(20))
    return der.sequence(algorithm, hashed, hashed, der.tlv(der.INTEGER, serial))


def request_of(*cert_ids: bytes, extensions: bytes = b"", single: bytes = b"") -> bytes:
    listed = der.sequence(*[der.sequence(each, single) for each in cert_ids])
    return der.sequence(der.sequence(listed, extensions))


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    mark = der.boolean(value=True) if critical else b""
    return der.sequence(der.sequence(der.oid(oid), mark, der.octet_string(value)))


@pytest.mark.attack("X07")
@pytest.mark.parametrize("algorithm", HASHES, ids=lambda algorithm: algorithm.name)
def test_a_request_names_its_issuer_under_every_hash(
    pki: Any, algorithm: hashes.HashAlgorithm
) -> None:
    request = ocsp.parse_request(request_for(pki, algorithm))
    (asked,) = request.cert_ids
    assert asked.issuer in set(ocsp.issuer_hashes(pki.issuer.certificate))
    assert asked.issuer not in set(ocsp.issuer_hashes(pki.root.certificate))
    assert int.from_bytes(asked.serial, "big") == pki.responder.certificate.serial_number
    assert request.nonce is None


@pytest.mark.attack("X07")
def test_a_hash_over_the_whole_key_info_names_nobody(pki: Any) -> None:
    wrong = hashlib.sha256(pki.issuer.spki).digest()
    assert all(key != wrong for _, _, key in ocsp.issuer_hashes(pki.issuer.certificate))


@pytest.mark.attack("X07")
@pytest.mark.parametrize("parameters", [b"", b"\x05\x00"])
def test_the_cert_id_is_kept_as_received(parameters: bytes) -> None:
    raw = cert_id(parameters=parameters)
    (asked,) = ocsp.parse_request(request_of(raw)).cert_ids
    assert asked.raw == raw
    assert asked.algorithm.endswith(parameters)


def test_several_certificates_keep_their_order() -> None:
    request = ocsp.parse_request(request_of(cert_id(b"\x01"), cert_id(b"\x02"), cert_id(b"\x01")))
    assert [asked.serial for asked in request.cert_ids] == [b"\x01", b"\x02", b"\x01"]


def test_a_signed_request_with_a_requestor_is_read_without_either() -> None:
    listed = der.sequence(der.sequence(cert_id()))
    requestor = der.explicit(1, der.explicit(4, der.sequence()))
    signature = der.explicit(0, der.sequence())
    octets = der.sequence(der.sequence(requestor, listed), signature)
    assert ocsp.parse_request(octets).cert_ids[0].serial == b"\x05"


@pytest.mark.attack("X07")
@pytest.mark.parametrize("size", [1, 16, 32, 33, 128])
def test_nonces_are_read(pki: Any, size: int) -> None:
    assert ocsp.parse_request(request_for(pki, nonce=bytes(size))).nonce == bytes(size)


@pytest.mark.attack("X07")
@pytest.mark.parametrize("size", [0, 129])
def test_nonces_too_short_or_long_are_malformed(size: int) -> None:
    nonce = extension(NONCE, der.octet_string(bytes(size)))
    with pytest.raises(ocsp.MalformedRequest, match="nonce"):
        ocsp.parse_request(request_of(cert_id(), extensions=der.explicit(2, nonce)))


ANY = extension("1.2.3", b"")
CRITICAL = extension("1.2.3", b"", critical=True)
TWICE = der.sequence(der.only(ANY).content * 2)
GOOD = request_of(cert_id())


def test_unknown_extensions_that_are_not_critical_are_ignored() -> None:
    octets = request_of(cert_id(), extensions=der.explicit(2, ANY), single=der.explicit(0, ANY))
    assert ocsp.parse_request(octets).nonce is None


@pytest.mark.attack("X07")
@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"junk",
        GOOD + b"\x00",  # trailing garbage
        b"\x30\x80" + GOOD[2:] + b"\x00\x00",  # BER
        request_of(),
        request_of(cert_id(), extensions=der.explicit(2, CRITICAL)),
        request_of(cert_id(), single=der.explicit(0, CRITICAL)),
        request_of(cert_id(), extensions=der.explicit(2, der.sequence())),
        request_of(cert_id(), extensions=der.explicit(2, extension(NONCE, b"raw"))),
        request_of(cert_id(b"\xff")),  # negative
        request_of(cert_id(b"\x00\x05")),  # not in shortest form
        request_of(cert_id(b"")),
        request_of(cert_id(bytes([1]) * 33)),
        request_of(cert_id(parameters=b"\x04\x00")),
        request_of(cert_id(parameters=b"\x05\x01\x00")),
        request_of(cert_id(), extensions=der.explicit(2, TWICE)),
        request_of(*[cert_id()] * 101),
        request_of(*[cert_id()] * 400),
        bytes(1 << 20),
    ],
)
def test_what_is_no_request_is_malformed(octets: bytes) -> None:
    with pytest.raises(ocsp.MalformedRequest):
        ocsp.parse_request(octets)


@pytest.mark.attack("P09")
@given(st.binary(max_size=300))
def test_arbitrary_octets_are_at_worst_malformed(octets: bytes) -> None:
    with contextlib.suppress(ocsp.MalformedRequest):
        ocsp.parse_request(octets)


def single(pki: Any, **status: Any) -> ocsp.SingleResponse:
    asked = ocsp.parse_request(request_for(pki)).cert_ids[0]
    return ocsp.SingleResponse(asked.raw, THIS, NEXT, **status)


STATUSES: list[tuple[dict[str, Any], library.OCSPCertStatus, x509.ReasonFlags | None]] = [
    ({}, library.OCSPCertStatus.GOOD, None),
    ({"known": False}, library.OCSPCertStatus.UNKNOWN, None),
    ({"revoked_at": THIS}, library.OCSPCertStatus.REVOKED, None),
    ({"revoked_at": THIS, "reason": 0}, library.OCSPCertStatus.REVOKED, None),
    (
        {"revoked_at": THIS, "reason": 1},
        library.OCSPCertStatus.REVOKED,
        x509.ReasonFlags.key_compromise,
    ),
]


@pytest.mark.parametrize("status", STATUSES)
def test_response_data_equals_the_librarys_octet_by_octet(
    each_pki: Any, status: tuple[dict[str, Any], Any, Any]
) -> None:
    ours, theirs, reason = status
    responder = each_pki.responder
    builder = (
        library.OCSPResponseBuilder()
        .add_response(
            responder.certificate,
            each_pki.issuer.certificate,
            hashes.SHA1(),  # noqa: S303 - RFC 6960
            theirs,
            THIS,
            NEXT,
            THIS if "revoked_at" in ours else None,
            reason,
        )
        .responder_id(library.OCSPResponderEncoding.HASH, responder.certificate)
        .certificates([responder.certificate])
        .add_extension(x509.OCSPNonce(b"nonce" * 4), False)
    )
    expected = builder.sign(responder.key, signature_hash(responder.key.public_key()))
    encoder = ocsp.ResponseEncoder(responder.certificate)
    produced = expected.produced_at_utc
    data = encoder.response_data([single(each_pki, **ours)], produced, b"nonce" * 4)
    assert data == expected.tbs_response_bytes
    assert encoder.response(data, expected.signature) == expected.public_bytes(Encoding.DER)


def test_several_answers_and_no_certificate_read_back(pki: Any) -> None:
    encoder = ocsp.ResponseEncoder(pki.responder.certificate, include=False)
    data = encoder.response_data([single(pki), single(pki, known=False)], THIS)
    signature = keys.sign(pki.responder.key, data)
    parsed = library.load_der_ocsp_response(encoder.response(data, signature))
    statuses = [each.certificate_status for each in parsed.responses]
    assert statuses == [library.OCSPCertStatus.GOOD, library.OCSPCertStatus.UNKNOWN]
    assert parsed.certificates == []
    keys.verify(pki.responder.key.public_key(), parsed.signature, parsed.tbs_response_bytes)


@pytest.mark.attack("X07")
def test_extended_revoke_calls_the_never_issued_revoked(pki: Any) -> None:
    encoder = ocsp.ResponseEncoder(pki.responder.certificate, extended_revoke=True)
    data = encoder.response_data([single(pki, known=False)], THIS)
    parsed = library.load_der_ocsp_response(encoder.response(data, b"s"))
    assert parsed.certificate_status is library.OCSPCertStatus.REVOKED
    assert parsed.revocation_reason is x509.ReasonFlags.certificate_hold
    assert parsed.revocation_time_utc == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert [e.oid.dotted_string for e in parsed.extensions] == ["1.3.6.1.5.5.7.48.1.9"]


def test_what_cannot_be_answered_is_refused(pki: Any) -> None:
    encoder = ocsp.ResponseEncoder(pki.responder.certificate)
    with pytest.raises(ValueError, match="needs a status"):
        encoder.response_data([], THIS)
    with pytest.raises(ValueError, match="produced between"):
        encoder.response_data([single(pki)], NEXT)
    with pytest.raises(ValueError, match="reason 7"):
        encoder.response_data([single(pki, revoked_at=THIS, reason=7)], THIS)


@pytest.mark.parametrize("status", ocsp.ErrorStatus)
def test_errors_are_whole_responses(status: ocsp.ErrorStatus) -> None:
    parsed = library.load_der_ocsp_response(ocsp.error_response(status))
    assert parsed.response_status.value == status


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, ": good"),
        ({"known": False}, ": unknown"),
        ({"revoked_at": THIS, "reason": 1}, ": revoked"),
    ],
)
def test_openssl_verifies(each_pki: Any, tmp_path: Path, status: Any, said: str) -> None:
    encoder = ocsp.ResponseEncoder(each_pki.responder.certificate)
    data = encoder.response_data([single(each_pki, **status)], THIS)
    response = encoder.response(data, keys.sign(each_pki.responder.key, data))
    (tmp_path / "response").write_bytes(response)
    for name in ("root", "issuer", "responder"):
        pem = getattr(each_pki, name).certificate.public_bytes(Encoding.PEM)
        (tmp_path / name).write_bytes(pem)
    run = subprocess.run(
        [
            *("openssl", "ocsp", "-respin", "response", "-CAfile", "root"),
            *("-issuer", "issuer", "-cert", "responder", "-verify_other", "issuer"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert "Response verify OK" in run.stderr
    assert f"responder{said}" in run.stdout
