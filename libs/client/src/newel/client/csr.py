"""Certification requests a client makes: a common name, and names whose kind is told by their looks."""

import ipaddress
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from newel.crypto.keys import PrivateKey

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
"""A scheme (RFC 3986 §3.1): https:, spiffe:, urn:, mailto: and whatever else."""
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}")


def make(key: PrivateKey, subject: str, names: Sequence[str]) -> x509.CertificateSigningRequest:
    """Return a request for ``subject`` as common name and these names. Raises ValueError."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False
        )
    return builder.sign(key, digest_for(key))


def pem(request: x509.CertificateSigningRequest) -> str:
    """Return the request as the API takes it."""
    return request.public_bytes(serialization.Encoding.PEM).decode()


def digest_for(
    key: PrivateKey,
) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """Return the digest a key signs with, None for Ed25519."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


def general_name(text: str) -> x509.GeneralName:
    """Return an address, a URI, a mailbox or, when it looks like none of these, a DNS name.

    Raises ValueError for what is none of the four.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]") if ":" in text else text))
    except ValueError:
        pass
    if _HOST_AND_PORT.fullmatch(text):
        raise ValueError(f"'{text}' is a host with a port, and certificates name hosts")
    if _URI.match(text):
        return x509.UniformResourceIdentifier(text)
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.DNSName(text if text.isascii() else text.encode("idna").decode())
    except UnicodeError:
        raise ValueError(f"'{text}' is no domain name") from None
