"""Usages that are asked for, and certificates that have them or not."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from newel.kubernetes.errors import InvalidRequestError, RefusalError
from newel.kubernetes.usages import check_asked, check_granted
from newel.runtime.clock import SystemClock

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")])
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
CODE = ExtendedKeyUsageOID.CODE_SIGNING


def make_request(
    *purposes: x509.ObjectIdentifier, ca: bool = False
) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder(NAME)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def make_leaf(*purposes: x509.ObjectIdentifier) -> x509.Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
    bits = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
    )  # fmt: skip # words in rows
    return (
        x509.CertificateBuilder(NAME, NAME, key.public_key(), 7, now, now)
        .add_extension(x509.KeyUsage(digital_signature=True, **bits), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize(
    "usages", [(), ("server auth",), ("signing", "server auth", "client auth")]
)
def test_a_certificate_with_what_was_asked_for_is_handed_over(usages: tuple[str, ...]) -> None:
    check_asked(usages, make_request(*([SERVER] if usages else [])))
    check_granted(usages, make_leaf(SERVER, CLIENT))


def test_key_encipherment_means_nothing_for_an_elliptic_key() -> None:
    check_granted(("digital signature", "key encipherment"), make_leaf(SERVER))


@pytest.mark.parametrize("usage", ["client auth", "code signing", "key agreement", "decipher only"])
def test_a_certificate_without_a_usage_is_kept_back(usage: str) -> None:
    with pytest.raises(RefusalError, match=f"does not grant the usage '{usage}'"):
        check_granted(("server auth", usage), make_leaf(SERVER))


@pytest.mark.parametrize("usage", ["cert sign", "crl sign"])
def test_usages_of_an_authority_are_refused(usage: str) -> None:
    with pytest.raises(RefusalError, match="is an authority's"):
        check_asked((usage,), make_request())


def test_a_request_for_an_authority_is_refused() -> None:
    with pytest.raises(RefusalError, match="asks for an authority's certificate"):
        check_asked((), make_request(ca=True))


def test_a_request_that_asks_for_more_than_its_resource_is_invalid() -> None:
    with pytest.raises(InvalidRequestError, match=r"and spec\.usages does not"):
        check_asked(("server auth",), make_request(SERVER, CODE))


def test_an_unknown_usage_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="'sever auth' is not known"):
        check_asked(("sever auth",), make_request())
