"""Certification requests a command makes: a common name, and names whose kind is told by their looks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from cryptography import x509

    from newel.crypto.keys import PrivateKey


def make(key: "PrivateKey", subject: str, names: Sequence[str]) -> str:
    """A PEM request for ``subject`` as common name and these names. Raises UsageError."""
    from newel.client import csr

    for name in names:
        general_name(name)
    try:
        return csr.pem(csr.make(key, subject, names))
    except ValueError as error:
        raise UsageError(f"invalid subject '{subject}': {error}") from None


def general_name(text: str) -> "x509.GeneralName":
    """An address, a URI, a mailbox or, where it looks like none of these, a DNS name."""
    from newel.client import csr

    try:
        return csr.general_name(text)
    except ValueError as error:
        raise UsageError(f"invalid value '{text}' for flag '--san'; {error}") from None


def read(data: bytes, name: str) -> "x509.CertificateSigningRequest":
    """A PEM or DER request whose signature verifies. Raises CliError."""
    from cryptography.exceptions import UnsupportedAlgorithm

    from newel.crypto import loading

    try:
        pem = b"-----BEGIN " in data
        request = loading.load_pem_request(data) if pem else loading.load_request(data)
        if not request.is_signature_valid:
            raise CliError(f"error parsing {name}: the request's signature does not verify")
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing {name}: {error}") from None
    return request


def common_name(holder: "x509.CertificateSigningRequest | x509.Certificate") -> str:
    """The last common name of the subject, "" for none."""
    from cryptography.x509.oid import NameOID

    found = holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else ""


def names_of(holder: "x509.CertificateSigningRequest | x509.Certificate") -> list[str]:
    """Its alternative names as text."""
    from cryptography import x509

    from newel.crypto import loading

    try:
        names = (
            loading.read_extensions(holder)
            .get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
    except x509.ExtensionNotFound:
        return []
    kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
    return [str(value) for kind in kinds for value in names.get_values_for_type(kind)]
