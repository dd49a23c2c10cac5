"""Certificates, lists and requests of other programs, loaded by the library with one typed error.

The library raises ``InvalidVersion``, ``DuplicateExtension`` and ``UnsupportedAlgorithm`` as well as
``ValueError``, some of them only when a property is read. The functions here raise one error; a code rule
keeps the library's own loaders out of the rest of the code.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

# Certificates of other CAs may have names longer than RFC 5280's bounds: they are read as they are
warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)

Loaded = TypeVar("Loaded")
_CLIENT = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})

MAX_CERTIFICATE = 256 * 1024
"""Octets of one certificate or request; the largest in use are a tenth of it."""


class CertificateError(ValueError):
    """The octets are not a certificate, list or request that can be used; the text says why."""


def load_certificate(der: bytes) -> x509.Certificate:
    """Load one certificate from DER. Raises :class:`CertificateError`.

    Extensions and key are parsed on access: use :func:`read_extensions` and :func:`read_public_key`
    for certificates of other CAs.
    """
    if len(der) > MAX_CERTIFICATE:
        raise CertificateError(f"the certificate is longer than {MAX_CERTIFICATE} octets")
    return _load(x509.load_der_x509_certificate, der, "the octets are not a certificate")


def load_pem_certificate(text: bytes) -> x509.Certificate:
    """Load the first certificate in PEM. Raises :class:`CertificateError`."""
    return _load(x509.load_pem_x509_certificate, text, "the text is not a certificate")


def load_pem_certificates(text: bytes) -> list[x509.Certificate]:
    """Load every certificate in PEM, at least one. Raises :class:`CertificateError`."""
    return _load(x509.load_pem_x509_certificates, text, "the text holds no certificates")


def load_request(der: bytes) -> x509.CertificateSigningRequest:
    """Load one certification request from DER. Raises :class:`CertificateError`."""
    if len(der) > MAX_CERTIFICATE:
        raise CertificateError(f"the request is longer than {MAX_CERTIFICATE} octets")
    return _load(x509.load_der_x509_csr, der, "the octets are not a certificate request")


def load_pem_request(text: bytes) -> x509.CertificateSigningRequest:
    """Load one certification request from PEM. Raises :class:`CertificateError`."""
    return _load(x509.load_pem_x509_csr, text, "the text is not a certificate request")


def load_list(der: bytes) -> x509.CertificateRevocationList:
    """Load one revocation list from DER, its extensions read. Raises :class:`CertificateError`."""
    return _load_list(der, x509.load_der_x509_crl)


def load_pem_list(text: bytes) -> x509.CertificateRevocationList:
    """Load one revocation list from PEM, its extensions read. Raises :class:`CertificateError`."""
    return _load_list(text, x509.load_pem_x509_crl)


def read_extensions(
    holder: x509.Certificate | x509.CertificateSigningRequest,
) -> x509.Extensions:
    """Read every extension. Raises :class:`CertificateError` for a duplicate or malformed one."""
    try:
        return holder.extensions
    except (
        ValueError,
        TypeError,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise CertificateError(f"the extensions cannot be read: {_why(error)}") from None


def find_extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> object:
    """Return the value of an extension; None without it, or where the extensions cannot be read."""
    try:
        return read_extensions(certificate).get_extension_for_oid(oid).value
    except (x509.ExtensionNotFound, CertificateError):
        return None


def is_for_clients(certificate: x509.Certificate) -> bool:
    """Tell whether the extended key usage allows client authentication (RFC 5280 §4.2.1.12)."""
    purposes = find_extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    return isinstance(purposes, x509.ExtendedKeyUsage) and not _CLIENT.isdisjoint(purposes)


def may_sign(certificate: x509.Certificate) -> bool:
    """Tell whether the key usage allows digital signatures (RFC 5280 §4.2.1.3); without one it does not."""
    usage = find_extension(certificate, ExtensionOID.KEY_USAGE)
    return isinstance(usage, x509.KeyUsage) and usage.digital_signature


def read_public_key(holder: x509.Certificate) -> CertificatePublicKeyTypes:
    """Read the public key. Raises :class:`CertificateError` for a kind the library does not know."""
    try:
        return holder.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"the public key cannot be read: {_why(error)}") from None


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Say whether a certificate names the issuer, and the issuer's key made the signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def is_der_issued_by(certificate: bytes, issuer: bytes) -> bool:
    """Say the same of two certificates in DER; what cannot be loaded issued nothing."""
    try:
        return is_issued_by(load_certificate(certificate), load_certificate(issuer))
    except CertificateError:
        return False


def _load(load: Callable[[bytes], Loaded], data: bytes, complaint: str) -> Loaded:
    try:
        return load(data)
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateError(f"{complaint}: {_why(error)}") from None


def _load_list(
    data: bytes, load: Callable[[bytes], x509.CertificateRevocationList]
) -> x509.CertificateRevocationList:
    try:
        found = load(data)
        _ = found.extensions
    except (
        ValueError,
        TypeError,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise CertificateError(f"this is not a revocation list: {_why(error)}") from None
    return found


def _why(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def find_issuer(
    certificate: x509.Certificate, candidates: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    """Find the candidate that issued a certificate; of several, the one valid longest."""
    found = [each for each in candidates if is_issued_by(certificate, each)]
    return max(found, key=lambda each: each.not_valid_after_utc, default=None)
