"""X.509 extensions, encoded: RFC 5280 §4.2 and §5.2, RFC 6960 §4.2.2.2.1."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from newel.crypto import der, names, oids

SUBJECT_KEY_IDENTIFIER = oids.SUBJECT_KEY_IDENTIFIER
KEY_USAGE = oids.KEY_USAGE
SUBJECT_ALT_NAME = oids.SUBJECT_ALT_NAME
BASIC_CONSTRAINTS = oids.BASIC_CONSTRAINTS
CRL_NUMBER = oids.CRL_NUMBER
ISSUING_DISTRIBUTION_POINT = oids.ISSUING_DISTRIBUTION_POINT
FRESHEST_CRL = oids.FRESHEST_CRL
DELTA_CRL_INDICATOR = oids.DELTA_CRL_INDICATOR
NAME_CONSTRAINTS = oids.NAME_CONSTRAINTS
CRL_DISTRIBUTION_POINTS = oids.CRL_DISTRIBUTION_POINTS
AUTHORITY_KEY_IDENTIFIER = oids.AUTHORITY_KEY_IDENTIFIER
POLICY_CONSTRAINTS = oids.POLICY_CONSTRAINTS
EXTENDED_KEY_USAGE = oids.EXTENDED_KEY_USAGE
INHIBIT_ANY_POLICY = oids.INHIBIT_ANY_POLICY
AUTHORITY_INFORMATION_ACCESS = oids.AUTHORITY_INFORMATION_ACCESS
OCSP_NO_CHECK = oids.OCSP_NO_CHECK
TLS_FEATURE = oids.TLS_FEATURE

SERVER_AUTH = oids.SERVER_AUTH
CLIENT_AUTH = oids.CLIENT_AUTH
OCSP_SIGNING = oids.OCSP_SIGNING
ANY_EXTENDED_KEY_USAGE = oids.ANY_EXTENDED_KEY_USAGE

_TRUE = der.boolean(value=True)

# RFC 5280 §4.2.1.3, bit 0 first
KEY_USAGES = (
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)


class Extension(NamedTuple):
    """An extension: its type as a dotted object identifier, and the DER of its value."""

    oid: str
    critical: bool
    value: bytes

    @property
    def der(self) -> bytes:
        """The DER Extension; ``critical`` is left out if false, its default."""
        critical = _TRUE if self.critical else b""
        return der.sequence(der.oid(self.oid), critical, der.octet_string(self.value))


MUST_STAPLE = Extension(TLS_FEATURE, False, bytes.fromhex("3003020105"))
"""TLSFeature with status_request alone: who shows the certificate staples its status (RFC 7633 §6)."""


def key_usage(usages: Iterable[str]) -> Extension:
    """KeyUsage, critical, from names of :data:`KEY_USAGES`; its trailing zero bits removed."""
    numbers = {KEY_USAGES.index(usage) for usage in usages}
    if not numbers:
        raise ValueError("a key usage extension needs a usage")
    last = max(numbers)
    octets = bytearray(last // 8 + 1)
    for number in numbers:
        octets[number // 8] |= 0x80 >> number % 8
    return Extension(KEY_USAGE, True, der.bit_string(bytes(octets), unused=7 - last % 8))


def extended_key_usage(purposes: Sequence[str]) -> Extension:
    """ExtKeyUsageSyntax, not critical; at least one purpose."""
    if not purposes:
        raise ValueError("an extended key usage extension needs a purpose")
    return Extension(EXTENDED_KEY_USAGE, False, der.sequence(*map(der.oid, purposes)))


def decode_key_usage(value: bytes) -> tuple[str, ...]:
    """Decode a KeyUsage value into names of :data:`KEY_USAGES`. Raises :class:`der.DERError`."""
    octets = der.only(value, der.BIT_STRING).content[1:] if value else b""
    return tuple(
        name
        for number, name in enumerate(KEY_USAGES[: 8 * len(octets)])
        if octets[number // 8] & 0x80 >> number % 8
    )


def decode_extended_key_usage(value: bytes) -> tuple[str, ...]:
    """Decode an ExtKeyUsageSyntax into object identifiers. Raises :class:`der.DERError`."""
    content = der.only(value).content if value else b""
    return tuple(der.decode_oid(each.content) for each in der.children(content))


def basic_constraints(*, ca: bool, path_length: int | None = None) -> Extension:
    """BasicConstraints, critical; a path length only for a CA."""
    if path_length is not None and not ca:
        raise ValueError("only a CA has a path length")
    parts = (_TRUE if ca else b"", b"" if path_length is None else der.integer(path_length))
    return Extension(BASIC_CONSTRAINTS, True, der.sequence(*parts))


def subject_key_identifier(identifier: bytes) -> Extension:
    """SubjectKeyIdentifier."""
    return Extension(SUBJECT_KEY_IDENTIFIER, False, der.octet_string(identifier))


def authority_key_identifier(identifier: bytes) -> Extension:
    """AuthorityKeyIdentifier with keyIdentifier alone."""
    return Extension(AUTHORITY_KEY_IDENTIFIER, False, der.sequence(der.tlv(0x80, identifier)))


def subject_alt_name(general_names: Iterable[names.GeneralName], *, critical: bool) -> Extension:
    """SubjectAltName; critical exactly when the subject is empty (§4.2.1.6)."""
    return Extension(SUBJECT_ALT_NAME, critical, names.encode(general_names))


def _url(url: str) -> bytes:
    return names.uri(url).der


def authority_information_access(
    ocsp: Sequence[str] = (), ca_issuers: Sequence[str] = ()
) -> Extension:
    """AuthorityInfoAccess: the URLs of the responder and of the issuer's certificate."""
    methods: Mapping[str, Sequence[str]] = {
        oids.OCSP_METHOD: ocsp,
        oids.CA_ISSUERS_METHOD: ca_issuers,
    }
    descriptions = [
        der.sequence(der.oid(method), _url(url)) for method, urls in methods.items() for url in urls
    ]
    return Extension(AUTHORITY_INFORMATION_ACCESS, False, der.sequence(*descriptions))


def distribution_point_name(url: str) -> bytes:
    """DistributionPointName with one fullName: the same octets in leaf and list (§5.2.5)."""
    return der.explicit(0, der.explicit(0, _url(url)))


def crl_distribution_points(urls: Sequence[str]) -> Extension:
    """CRLDistributionPoints, one point for each URL."""
    points = [der.sequence(distribution_point_name(url)) for url in urls]
    return Extension(CRL_DISTRIBUTION_POINTS, False, der.sequence(*points))


def ocsp_no_check() -> Extension:
    """id-pkix-ocsp-nocheck, its value NULL."""
    return Extension(OCSP_NO_CHECK, False, b"\x05\x00")


def name_constraints(permitted: Iterable[bytes] = (), excluded: Iterable[bytes] = ()) -> Extension:
    """NameConstraints, critical (§4.2.1.10), from the DER GeneralNames that are the subtrees' bases.

    At least one subtree: an empty sequence is not allowed.
    """
    parts = [
        der.explicit(number, b"".join(subtrees))
        for number, bases in enumerate((permitted, excluded))
        if (subtrees := [der.sequence(base) for base in bases])
    ]
    if not parts:
        raise ValueError("name constraints need a subtree")
    return Extension(NAME_CONSTRAINTS, True, der.sequence(*parts))
