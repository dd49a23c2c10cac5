"""What is under the linter, taken apart once for all rules."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

from cryptography import x509

from newel.crypto import certificate, der, distinguished_names, extensions, loading, names
from newel.crypto.algorithms import key_algorithm, signatures_of

_DUMMY_ALGORITHM = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_VERSION_TAG = 0xA0
_EXTENSIONS_TAG = 0xA3
_ALTERNATIVE_NAMES = der.oid(extensions.SUBJECT_ALT_NAME)
_KEY_IDENTIFIER = der.oid(extensions.SUBJECT_KEY_IDENTIFIER)
_TRUE = der.boolean(value=True)

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
        """Read the parsed certificate; ValueError if it is no CA certificate."""
        try:
            value = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            raise ValueError("the issuer is not a CA") from None
        spki = certificate.subject_public_key_info(issuer)
        return cls(
            certificate.issuer_name(issuer),
            certificate.issuer_key_identifier(issuer),
            issuer.not_valid_after_utc,
            value.path_length,
            signatures_of(spki),
        )


class CertificateSubject:
    """A TBSCertificate under the linter.

    Raises :class:`der.DERError` or ``ValueError`` when it does not parse, or has an extension twice.

    ``shape`` is all that its rules' verdicts on extensions can depend on: the octets of every extension
    but for the values of key identifier and alternative names, the kind of key, and whether there is a
    subject. What only such rules ask for is parsed when one of them does.
    """

    def __init__(self, tbs: bytes, issuer: Issuer | None) -> None:
        self.library = loading.load_certificate(certificate.assemble(tbs, _DUMMY_ALGORITHM, b""))
        # The library found every field in its place, extensions and their wrapping included.
        fields = iter(der.split(der.content(tbs)))
        first = next(fields)
        versioned = first[0] == _VERSION_TAG
        self.version = der.content(first) if versioned else b""
        self.serial = der.content(next(fields) if versioned else first)
        self.inner_algorithm = next(fields)
        self.issuer_name = next(fields)
        self.encoded_before, self.encoded_after = der.children(der.content(next(fields)))
        self.subject_name = next(fields)
        self.spki = next(fields)
        rest = list(fields)
        self.unique_identifiers = any(each[0] != _EXTENSIONS_TAG for each in rest)
        self.issuer = issuer
        self.not_after = self.library.not_valid_after_utc
        listed = [der.content(each) for each in rest if each[0] == _EXTENSIONS_TAG]
        self._read_extensions(der.split(der.content(listed[0])) if listed else [])

    def _read_extensions(self, listed: Sequence[bytes]) -> None:
        """Separate what is particular to this certificate from its shape."""
        shape = [key_algorithm(self.spki), b"" if self.nameless else b"named"]
        self.alternative_names: list[der.Element] | None = None
        self.names_are_critical: bool | None = None
        for each in listed:
            content = der.content(each)
            kind = content[:5]
            if kind not in {_ALTERNATIVE_NAMES, _KEY_IDENTIFIER}:
                shape.append(each)
                continue
            *head, octets = der.split(content)
            value = der.content(octets)
            shape += head
            if kind == _KEY_IDENTIFIER:
                shape.append(_octet_string_head(value))
            elif self.alternative_names is not None:
                raise ValueError("two subject alternative names")
            else:
                self.names_are_critical = head[1:] == [_TRUE]
                self.alternative_names = der.children(der.only(value).content)
        self.shape = tuple(shape)

    @property
    def dns_names(self) -> list[str]:
        """The dNSNames."""
        return self._texts(names.DNS_TAG)

    @property
    def emails(self) -> list[str]:
        """The rfc822Names."""
        return self._texts(names.EMAIL_TAG)

    @property
    def uris(self) -> list[str]:
        """The uniformResourceIdentifiers."""
        return self._texts(names.URI_TAG)

    def _texts(self, tag: int) -> list[str]:
        return [
            each.content.decode("ascii") for each in self.alternative_names or () if each.tag == tag
        ]

    @cached_property
    def extensions(self) -> dict[str, x509.Extension[x509.ExtensionType]]:
        """Every extension by its dotted identifier, its value parsed by the library."""
        return {each.oid.dotted_string: each for each in self.library.extensions}

    @cached_property
    def critical_ones(self) -> set[str]:
        """The identifiers of those that are critical."""
        return {oid for oid, each in self.extensions.items() if each.critical}

    @cached_property
    def ca(self) -> bool:
        """Whether basic constraints say that it is an authority."""
        constraints = self.value(extensions.BASIC_CONSTRAINTS, x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @cached_property
    def key_usage(self) -> x509.KeyUsage | None:
        """The key usage, if there is one."""
        return self.value(extensions.KEY_USAGE, x509.KeyUsage)

    @cached_property
    def purposes(self) -> frozenset[str]:
        """The extended key usages."""
        purposes = self.value(extensions.EXTENDED_KEY_USAGE, x509.ExtendedKeyUsage)
        return frozenset(p.dotted_string for p in purposes or ())

    def value(self, oid: str, kind: type[ExtensionValue]) -> ExtensionValue | None:
        """Return an extension's value, or None where it is absent."""
        extension = self.extensions.get(oid)
        return extension.value if extension and isinstance(extension.value, kind) else None

    def critical(self, oid: str) -> bool | None:
        """Return whether an extension is critical, or None where it is absent."""
        extension = self.extensions.get(oid)
        return extension.critical if extension else None

    @property
    def nameless(self) -> bool:
        """Whether the subject is the empty sequence."""
        return self.subject_name == distinguished_names.EMPTY


def _octet_string_head(value: bytes) -> bytes:
    """Return tag and length of a short OCTET STRING that is all of ``value``; else ``value``."""
    whole = 2 < len(value) < 0x80 and value[1] == len(value) - 2
    return value[:2] if whole else value


CertificateRule: TypeAlias = Callable[[CertificateSubject], bool]


def is_well_formed_time(element: der.Element) -> bool:
    """Check a Time: the right form for its year, whole seconds, Z (RFC 5280 §4.1.2.5)."""
    text = element.content
    if element.tag == der.UTC_TIME:
        return len(text) == 13 and text[:12].isdigit() and text[12:] == b"Z"
    if element.tag == der.GENERALIZED_TIME:
        digits = len(text) == 15 and text[:14].isdigit() and text[14:] == b"Z"
        return digits and text >= b"2050"
    return False
