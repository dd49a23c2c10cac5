"""Certification requests a command makes: a common name, and names whose kind is told by their looks."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from cryptography import x509

    from newel.crypto.keys import PrivateKey
    from newel.crypto.reader.certificates import Request


def make(key: "PrivateKey", subject: str, names: Sequence[str]) -> str:
    """Return a PEM request for ``subject`` as common name and these names. Raises UsageError."""
    from newel.client import csr

    for name in names:
        general_name(name)
    try:
        return csr.pem(csr.make(key, subject, names))
    except ValueError as error:
        raise UsageError(f"invalid subject '{subject}': {error}") from None


def general_name(text: str) -> "x509.GeneralName":
    """Return an address, a URI, a mailbox or, where it looks like none of these, a DNS name."""
    from newel.client import csr

    try:
        return csr.general_name(text)
    except ValueError as error:
        raise UsageError(f"invalid value '{text}' for flag '--san'; {error}") from None


def read(data: bytes, name: str) -> "Request":
    """Return a PEM or DER request whose signature verifies. Raises CliError."""
    from newel.cli.operations.certificates import sources

    found = sources.request(data)
    if found is None:
        raise CliError(f"error parsing {name}: not a valid certificate request")
    if not is_proved(found, name):
        raise CliError(f"error parsing {name}: the request's signature does not verify")
    return found


def is_proved(request: "Request", name: str) -> bool:
    """Say whether the signature is that of the request's key. Raises CliError where that cannot be decided.

    The library knows more kinds of keys than an authority here certifies; requests of old versions, without
    attributes or signed with SHA-1 are read by our own reader.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    from newel.crypto import csr, loading

    with contextlib.suppress(ValueError, UnsupportedAlgorithm):
        if loading.load_request(request.der).is_signature_valid:
            return True
    try:
        csr.verify_possession(request.der)
    except csr.CSRSignatureError:
        return False
    except csr.CSRError as error:
        raise CliError(f"error parsing {name}: {error}") from None
    return True


def subject_of(request: "Request") -> str:
    """Return the last common name that a request asks for, "" for none."""
    from newel.crypto.reader import names

    return names.common_name(request.subject)


def requested_names(request: "Request") -> list[str]:
    """Return the alternative names that a request asks for, as text."""
    from newel.crypto import oids
    from newel.crypto.reader import names

    found = names.parse_general_names(request.extension(oids.SUBJECT_ALT_NAME))
    return [*found.dns, *found.addresses, *found.emails, *found.uris]


def common_name(holder: "x509.Certificate") -> str:
    """Return the last common name of the subject, "" for none."""
    from cryptography.x509.oid import NameOID

    found = holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else ""


def names_of(holder: "x509.Certificate") -> list[str]:
    """Return its alternative names as text."""
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
