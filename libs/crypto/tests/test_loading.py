"""What is loaded from outside either can be used or raises the one typed error."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.certificates import PKI
from fixtures.odd_certificates import odd_certificates
from newel.crypto import der, loading, pem

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
ODD = odd_certificates(KEY, NOW)
DIFFERENT_KEYS = {"a DSA key", "an X25519 key", "an Ed448 key"}


def read_all(certificate: x509.Certificate) -> None:
    loading.read_extensions(certificate)
    loading.read_public_key(certificate)


@pytest.mark.parametrize("what", [each for each in ODD if each not in DIFFERENT_KEYS])
def test_a_certificate_the_library_refuses_raises_the_one_error(what: str) -> None:
    with pytest.raises(loading.CertificateError):
        read_all(loading.load_certificate(ODD[what]))


@pytest.mark.parametrize("what", ["version 10", "half of one"])
def test_the_same_in_pem(what: str) -> None:
    text = pem.encode(ODD[what])
    with pytest.raises(loading.CertificateError, match="is not a certificate"):
        loading.load_pem_certificate(text)
    with pytest.raises(loading.CertificateError, match="holds no certificates"):
        loading.load_pem_certificates(text)


def test_requests_and_lists_have_the_same_error() -> None:
    for load in (
        loading.load_request,
        loading.load_pem_request,
        loading.load_list,
        loading.load_pem_list,
    ):
        for data in (b"", b"\x30\x00", b"text", ODD["version 10"], pem.encode(ODD["version 10"])):
            with pytest.raises(loading.CertificateError):
                load(data)


def test_what_is_well_is_loaded(each_pki: PKI) -> None:
    loaded = loading.load_certificate(each_pki.issuer.der)
    assert loaded == each_pki.issuer.certificate
    text = loaded.public_bytes(Encoding.PEM)
    assert loading.load_pem_certificate(text) == loaded
    assert loading.load_pem_certificates(text * 2) == [loaded, loaded]
    read_all(loaded)


def test_who_issued_a_certificate_is_answered_for_any_certificate(each_pki: PKI) -> None:
    issuer = each_pki.issuer.certificate
    assert loading.is_issued_by(issuer, each_pki.root.certificate)
    assert not loading.is_issued_by(each_pki.root.certificate, issuer)
    for what in ("an X25519 key", "a DSA key", "an extension twice"):
        odd = loading.load_certificate(ODD[what])
        assert not loading.is_issued_by(odd, issuer)
        assert not loading.is_issued_by(issuer, odd)


def test_a_version_is_what_makes_the_difference() -> None:
    parts = der.split(der.content(der.split(der.content(ODD["version 10"]))[0]))
    assert parts[0] == b"\xa0\x03\x02\x01\x09"
