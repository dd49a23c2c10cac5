"""Whether a certificate was revoked: by its issuer's list (RFC 5280 §6.3) or responder (RFC 6960).

An answer counts only when its issuer, or a responder the issuer named, signed it and it is of today.
"""

import datetime as dt
from typing import TYPE_CHECKING

from newel.cli.errors import CliError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

LENIENCE = dt.timedelta(minutes=5)


class RevokedError(CliError):
    """The answer is believed, and it is not that the certificate is good."""


def revocation_list(data: bytes) -> "x509.CertificateRevocationList":
    """Return a list in PEM or DER. Raises CliError."""
    from newel.crypto import loading

    try:
        if b"-----BEGIN " in data:
            return loading.load_pem_list(data)
        return loading.load_list(data)
    except ValueError as error:
        raise CliError(f"error parsing crl: {error}") from None


def check_list(
    data: bytes, url: str, serial: int, issuer: "x509.Certificate | None", at: dt.datetime
) -> None:
    """Raise RevokedError for a serial in the list, CliError for a list that cannot be trusted.

    Without an issuer (--insecure) the list is taken as it is.
    """
    found = revocation_list(data)
    if issuer is not None:
        if found.issuer != issuer.subject or not check_signature(found, issuer):
            raise CliError(
                "error validating the CRL against the CA issuer: the signature is not its"
            )
        if found.next_update_utc is not None and found.next_update_utc < at - LENIENCE:
            raise CliError("error validating the CRL against the CA issuer: the list has expired")
    if found.get_revoked_certificate_by_serial_number(serial) is not None:
        raise RevokedError(f"certificate marked as revoked in CRL {url}")


def check_signature(found: "x509.CertificateRevocationList", issuer: "x509.Certificate") -> bool:
    """Say whether the issuer's key signed the list."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return found.is_signature_valid(issuer.public_key())  # pyright: ignore[reportArgumentType] - it raises TypeError for others
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def ocsp_request(one: "x509.Certificate", issuer: "x509.Certificate") -> bytes:
    """Return a request for one certificate, with SHA-1 identifiers as every responder knows them."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import ocsp

    builder = ocsp.OCSPRequestBuilder().add_certificate(one, issuer, hashes.SHA1())  # noqa: S303 - RFC 5019
    return builder.build().public_bytes(serialization.Encoding.DER)


def check_response(
    data: bytes, url: str, one: "x509.Certificate", issuer: "x509.Certificate", at: dt.datetime
) -> None:
    """Raise RevokedError unless the responder says good, CliError for an answer that cannot be trusted."""
    from cryptography.x509 import ocsp

    said = f"error parsing response from OCSP server: {url}"
    try:
        answer = ocsp.load_der_ocsp_response(data)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise CliError(f"{said}: {answer.response_status.name.lower()}")
        if answer.serial_number != one.serial_number or not check_responder(answer, issuer, at):
            raise CliError(f"{said}: it is not the issuer's answer about this certificate")
    except ValueError as error:
        raise CliError(f"{said}: {error}") from None
    ended = answer.next_update_utc is not None and answer.next_update_utc < at - LENIENCE
    if ended or answer.this_update_utc > at + LENIENCE:
        raise CliError(f"{said}: it is not of today")
    if answer.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        raise RevokedError(f"certificate has been revoked according to OCSP {url}")
    if answer.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise RevokedError(f"certificate status is unknown according to OCSP {url}")


def check_responder(
    answer: "ocsp.OCSPResponse", issuer: "x509.Certificate", at: dt.datetime
) -> bool:
    """Say whether the issuer, or a responder it delegated to (RFC 6960 §4.2.2.2), signed the answer."""
    signers = [issuer, *(one for one in answer.certificates if is_delegate(one, issuer, at))]
    return any(parse_signature(answer, signer) for signer in signers)


def is_delegate(one: "x509.Certificate", issuer: "x509.Certificate", at: dt.datetime) -> bool:
    """Say whether the issuer itself certified a responder, for that purpose and for now."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    from newel.crypto import loading

    try:
        one.verify_directly_issued_by(issuer)
        purposes = loading.read_extensions(one).get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    valid = one.not_valid_before_utc <= at <= one.not_valid_after_utc
    return valid and x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def parse_signature(answer: "ocsp.OCSPResponse", signer: "x509.Certificate") -> bool:
    """Say whether the signer's key made the answer's signature."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    key, data = signer.public_key(), answer.tbs_response_bytes
    try:
        digest = answer.signature_hash_algorithm
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(answer.signature, data)
        elif digest is None:
            return False
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, data, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, data, padding.PKCS1v15(), digest)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
