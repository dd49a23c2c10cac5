"""Revocation lists in files, as this and other programs write them."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from newel.crypto.crl_files import list_entries, list_number, parse_list
from newel.crypto.loading import CertificateError

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")])


def certificate(key: ec.EllipticCurvePrivateKey, name: x509.Name = NAME) -> x509.Certificate:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(NOW)
    return builder.not_valid_after(NOW + 365 * DAY).sign(key, hashes.SHA256())


ROOT = certificate(KEY)


def make_list(*serials: int, number: int | None = 7) -> x509.CertificateRevocationList:
    """A list whose entries say more than ours would: a reason and since when the key is known to be lost."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(NAME)
    builder = builder.last_update(NOW).next_update(NOW + DAY)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW)
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.ca_compromise), critical=False)
        entry = entry.add_extension(x509.InvalidityDate(dt.datetime(2026, 4, 1)), critical=False)  # noqa: DTZ001
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(KEY, hashes.SHA256())


def test_a_list_is_read_in_every_form_that_files_have() -> None:
    made = make_list(5)
    der, pem = made.public_bytes(Encoding.DER), made.public_bytes(Encoding.PEM)
    windows = pem.replace(b"\n", b"\r\n")
    for data in (der, pem, b"Certificate Revocation List (CRL):\n  Version 2\n" + pem, windows):
        assert parse_list(data, ROOT) == made


def test_entries_are_given_octet_for_octet() -> None:
    made = make_list(5, 1 << 100)
    entries = list_entries(made)
    assert list(entries) == [5, 1 << 100]
    listed = made.tbs_certlist_bytes
    for entry in entries.values():
        assert entry in listed
        assert bytes.fromhex("0603551d18") in entry
    assert list_entries(make_list()) == {}


def test_a_list_without_a_number_has_the_lowest() -> None:
    assert list_number(make_list(number=None)) == 0
    assert list_number(make_list(number=1 << 150)) == 1 << 150


def test_what_is_not_the_issuers_list_is_refused() -> None:
    made = make_list(5)
    pem = made.public_bytes(Encoding.PEM)
    stranger = ec.generate_private_key(ec.SECP256R1())
    other = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Other")])
    broken = bytearray(made.public_bytes(Encoding.DER))
    broken[-1] ^= 1
    for data, issuer, complaint in (
        (pem, certificate(stranger), "signature"),
        (pem, certificate(KEY, other), "is not issued by CN=Other"),
        (bytes(broken), ROOT, "signature"),
        (pem + pem, ROOT, "2 lists"),
        (ROOT.public_bytes(Encoding.PEM), ROOT, "not a revocation list"),
        (b"", ROOT, "not a revocation list"),
    ):
        with pytest.raises(CertificateError, match=complaint):
            parse_list(data, issuer)
