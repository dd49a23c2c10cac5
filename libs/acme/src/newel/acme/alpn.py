"""The certificate of tls-alpn-01 (RFC 8737 §3, RFC 8738 §6).

The server checks it, the client makes it.
"""

import datetime as dt
import hmac
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from newel.acme.challenges import digest
from newel.acme.identifiers import Identifier, reverse_name
from newel.acme.problems import ACMEError, ErrorCode
from newel.crypto import loading

PROTOCOL = "acme-tls/1"
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_OCTET_STRING_32 = b"\x04\x20"


def server_name(identifier: Identifier) -> str:
    """Return the SNI value: the name itself, or the reverse-mapping name of an address (RFC 8738 §6)."""
    return reverse_name(identifier.value) if identifier.type == "ip" else identifier.value


def check_certificate(der: bytes, identifier: Identifier, authorization: str) -> None:
    """Raise ``unauthorized`` with the reason unless the certificate answers the challenge.

    Exactly one subject alternative name, the identifier; a critical acmeIdentifier extension
    holding the SHA-256 of the key authorization. Who signed it does not matter (RFC 8737 §3).
    """
    try:
        extensions = loading.read_extensions(loading.load_certificate(der))
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        proof = extensions.get_extension_for_oid(ACME_IDENTIFIER)
    except x509.ExtensionNotFound as error:
        raise ACMEError(
            ErrorCode.UNAUTHORIZED, "the certificate lacks a required extension"
        ) from error
    except ValueError as error:
        raise ACMEError(ErrorCode.UNAUTHORIZED, "the certificate cannot be parsed") from error
    if len(names) != 1 or not _is_for(names[0], identifier):
        raise ACMEError(ErrorCode.UNAUTHORIZED, "the certificate is not for this identifier alone")
    if not proof.critical:
        raise ACMEError(ErrorCode.UNAUTHORIZED, "the acmeIdentifier extension is not critical")
    value = proof.value
    expected = _OCTET_STRING_32 + digest(authorization)
    if not isinstance(value, x509.UnrecognizedExtension) or not hmac.compare_digest(
        value.value, expected
    ):
        raise ACMEError(ErrorCode.UNAUTHORIZED, "the acmeIdentifier extension has another digest")


def make_certificate(
    identifier: Identifier, authorization: str, now: dt.datetime
) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """Return a self-signed certificate (DER), valid for a day around ``now``, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ACME challenge")])
    san: x509.GeneralName
    if identifier.type == "ip":
        san = x509.IPAddress(ipaddress.ip_address(identifier.value))
    else:
        san = x509.DNSName(identifier.value)
    proof = x509.UnrecognizedExtension(ACME_IDENTIFIER, _OCTET_STRING_32 + digest(authorization))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=12))
        .not_valid_after(now + dt.timedelta(hours=12))
        .add_extension(x509.SubjectAlternativeName([san]), critical=False)
        .add_extension(proof, critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.DER), key


def _is_for(name: x509.GeneralName, identifier: Identifier) -> bool:
    if identifier.type == "ip":
        return isinstance(name, x509.IPAddress) and str(name.value) == identifier.value
    return isinstance(name, x509.DNSName) and name.value.lower() == identifier.value
