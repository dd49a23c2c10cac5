"""What is under the linter, taken apart once for all rules."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from cryptography import x509

from newel.crypto import certificate, der, distinguished_names, extensions
from newel.crypto.algorithms import signatures_of

_DUMMY_ALGORITHM = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_VERSION_TAG = 0xA0
_EXTENSIONS_TAG = 0xA3

ExtensionValue = TypeVar("ExtensionValue", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Issuer:
    """What rules ask of the issuer's certificate."""

    name: bytes
    key_identifier: bytes
    not_after: dt.datetime
    path_length: int | None
    signatures: frozenset[bytes]  # the AlgorithmIdentifiers its key may sign with

    @classmethod
    def of(cls, issuer: x509.Certificate) -> "Issuer":
        """From the parsed certificate."""
        try:
            value = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            raise ValueError("the issuer is no authority") from None
        spki = certificate.subject_public_key_info(issuer)
        return cls(
            certificate.issuer_name(issuer),
            certificate.issuer_key_identifier(issuer),
            issuer.not_valid_after_utc,
            value.path_length,
            signatures_of(spki),
        )


class CertificateSubject:
    """A TBSCertificate under the linter. Raises :class:`der.DerError` or ``ValueError`` when it does
    not even parse, an extension that stands there twice included.
    """

    __slots__ = (
        "ca",
        "critical_ones",
        "dns_names",
        "emails",
        "encoded_after",
        "encoded_before",
        "extensions",
        "general_names",
        "inner_algorithm",
        "issuer",
        "issuer_name",
        "key_usage",
        "library",
        "not_after",
        "purposes",
        "serial",
        "spki",
        "subject_name",
        "unique_identifiers",
        "uris",
        "version",
    )

    def __init__(self, tbs: bytes, issuer: Issuer | None) -> None:
        self.library = x509.load_der_x509_certificate(
            certificate.assemble(tbs, _DUMMY_ALGORITHM, b"")
        )
        # the library found every field in its place: no need to look at tags again
        fields = iter(der.children(der.only(tbs).content))
        first = next(fields)
        self.version = first.content if first.tag == _VERSION_TAG else b""
        self.serial = (next(fields) if self.version else first).content
        self.inner_algorithm = next(fields).raw
        self.issuer_name = next(fields).raw
        self.encoded_before, self.encoded_after = der.children(next(fields).content)
        self.subject_name = next(fields).raw
        self.spki = next(fields).raw
        self.unique_identifiers = any(each.tag != _EXTENSIONS_TAG for each in fields)
        self.issuer = issuer
        self.not_after = self.library.not_valid_after_utc
        self.extensions = {each.oid.dotted_string: each for each in self.library.extensions}
        self.critical_ones = {oid for oid, each in self.extensions.items() if each.critical}
        constraints = self.value(extensions.BASIC_CONSTRAINTS, x509.BasicConstraints)
        self.ca = constraints is not None and constraints.ca
        self.key_usage = self.value(extensions.KEY_USAGE, x509.KeyUsage)
        purposes = self.value(extensions.EXTENDED_KEY_USAGE, x509.ExtendedKeyUsage)
        self.purposes = frozenset(p.dotted_string for p in purposes or ())
        names = self.value(extensions.SUBJECT_ALT_NAME, x509.SubjectAlternativeName)
        self.general_names = list(names or ())
        self.dns_names = [n.value for n in self.general_names if isinstance(n, x509.DNSName)]
        self.emails = [n.value for n in self.general_names if isinstance(n, x509.RFC822Name)]
        self.uris = [
            n.value for n in self.general_names if isinstance(n, x509.UniformResourceIdentifier)
        ]

    def value(self, oid: str, kind: type[ExtensionValue]) -> ExtensionValue | None:
        """An extension's value, or None where it is absent."""
        extension = self.extensions.get(oid)
        return extension.value if extension and isinstance(extension.value, kind) else None

    def critical(self, oid: str) -> bool | None:
        """Whether an extension is critical, or None where it is absent."""
        extension = self.extensions.get(oid)
        return extension.critical if extension else None

    @property
    def nameless(self) -> bool:
        """Whether the subject is the empty sequence."""
        return self.subject_name == distinguished_names.EMPTY


CertificateRule: TypeAlias = Callable[[CertificateSubject], bool]


def is_well_formed_time(element: der.Element) -> bool:
    """A Time as RFC 5280 §4.1.2.5 wants it: the right form for the year, whole seconds, Z."""
    text = element.content
    if element.tag == der.UTC_TIME:
        return len(text) == 13 and text[:12].isdigit() and text[12:] == b"Z"
    if element.tag == der.GENERALIZED_TIME:
        digits = len(text) == 15 and text[:14].isdigit() and text[14:] == b"Z"
        return digits and text >= b"2050"
    return False
