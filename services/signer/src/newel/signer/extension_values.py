"""The values of the extensions that a leaf may have, read strictly: one function for each kind.

What a verifier's library could not read, or reads in its own way, is not signed. Each function takes the
DER of the value and raises ``ValueError`` (:class:`newel.crypto.der.DERError` among them) for what is not
as RFC 5280 §4.2 has it; the policy turns that into a refusal. Names and extended key usages, whose
contents are the key's own rules, are read by the policy itself.
"""

from collections.abc import Callable, Mapping

from newel.crypto import der, extensions, names

STEP_EXTENSION = "1.3.6.1.4.1.37476.9000.64.1"
"""Which provisioner let the certificate be issued, as the step tools write it."""
TLS_FEATURE = "1.3.6.1.5.5.7.1.24"
CERTIFICATE_POLICIES = "2.5.29.32"

_LONGEST_KEY_IDENTIFIER = 64
_SHA_1_LONG = b"\x04\x14"
_MOST = 16  # pointers in one extension
_SIGNS_CERTIFICATES_OR_CRLS = 0x04 | 0x02  # bits 5 and 6 of KeyUsage
_KEY_AGREEMENT, _ENCIPHER_ONLY = 0x08, 0x01
_TLS_FEATURES = frozenset(
    (b"\x05", b"\x11")
)  # status_request and status_request_v2 (RFC 7633 §4.1)
_ACCESS_METHODS = frozenset((der.oid("1.3.6.1.5.5.7.48.1"), der.oid("1.3.6.1.5.5.7.48.2")))
_PRACTICE_STATEMENT = der.oid("1.3.6.1.5.5.7.2.1")
_FULL_NAME = 0xA0


def check_basic_constraints(value: bytes) -> None:
    """BasicConstraints of no CA: DER leaves out what is default, so nothing is inside (§4.2.1.9)."""
    if value != b"\x30\x00":
        raise ValueError("a CA certificate")


def check_key_usage(value: bytes) -> None:
    """KeyUsage that signs neither certificates nor CRLs (§4.2.1.3), its trailing zero bits left out."""
    bits = der.only(value, der.BIT_STRING).content
    unused, octets = bits[:1], bits[1:]
    if not octets or octets[0] & _SIGNS_CERTIFICATES_OR_CRLS:
        raise ValueError("a key usage of nothing, or that signs certificates or CRLs")
    last = octets[-1]
    if not last or len(octets) > 2 or (len(octets) == 2 and last != 0x80):
        raise ValueError("a key usage with bits that are no usage")
    if unused[0] != (last & -last).bit_length() - 1:
        raise ValueError("a key usage that is not DER")
    if (octets[0] & _ENCIPHER_ONLY or len(octets) == 2) and not octets[0] & _KEY_AGREEMENT:
        raise ValueError("a key usage of encipherOnly or decipherOnly without keyAgreement")


def check_subject_key_identifier(value: bytes) -> None:
    """SubjectKeyIdentifier, an OCTET STRING of a length that somebody makes (§4.2.1.2)."""
    if value[:2] == _SHA_1_LONG and len(value) == 22:  # as nearly everybody makes it
        return
    if not 1 <= len(der.only(value, der.OCTET_STRING).content) <= _LONGEST_KEY_IDENTIFIER:
        raise ValueError("a subject key identifier that is empty or too long")


def check_authority_information_access(value: bytes) -> None:
    """AuthorityInfoAccess with URLs of responders and issuers' certificates alone (§4.2.2.1)."""
    for description in _some(value):
        method, location = der.split(der.only(description).content)
        if method not in _ACCESS_METHODS:
            raise ValueError("an access method that is neither OCSP nor caIssuers")
        _check_url(location)


def check_crl_distribution_points(value: bytes) -> None:
    """CRLDistributionPoints, each a full name of URLs: no reasons, no other issuer (§4.2.1.13)."""
    for point in _some(value):
        (name,) = der.split(der.only(point).content)
        (full,) = der.split(der.only(name, _FULL_NAME).content)
        locations = der.split(der.only(full, _FULL_NAME).content)
        if not 1 <= len(locations) <= _MOST:
            raise ValueError("a distribution point of no or too many URLs")
        for location in locations:
            _check_url(location)


def check_tls_feature(value: bytes) -> None:
    """TLSFeatures of stapling alone (RFC 7633 §4.1), each once."""
    features = [der.only(each, der.INTEGER).content for each in _some(value)]
    if len(set(features)) != len(features) or not _TLS_FEATURES.issuperset(features):
        raise ValueError("a TLS feature that is not stapling, or one twice")


def check_step_extension(value: bytes) -> None:
    """A provisioner's type, name, credential and pairs of texts."""
    kind, name, credential, *pairs = der.split(der.only(value).content)
    der.Reader(kind).integer()
    der.only(name, der.OCTET_STRING)
    der.only(credential, der.OCTET_STRING)
    for pair in pairs:
        der.split(der.only(pair).content)
    if len(pairs) > 1:
        raise ValueError("a provisioner extension with more fields than it has")


def check_certificate_policies(value: bytes) -> None:
    """CertificatePolicies, each once, qualified by nothing but URLs of statements (§4.2.1.4)."""
    seen: set[bytes] = set()
    for information in _some(value):
        policy, *qualifiers = der.split(der.only(information).content)
        der.Reader(policy).oid()
        if policy in seen or len(qualifiers) > 1:
            raise ValueError("a certificate policy twice, or qualified twice")
        seen.add(policy)
        for qualifier in _some(qualifiers[0]) if qualifiers else ():
            kind, url = der.split(der.only(qualifier).content)
            if kind != _PRACTICE_STATEMENT or not der.only(url, der.IA5_STRING).content.isascii():
                raise ValueError("a policy qualifier that is no URL of a statement")


def check_anything(value: bytes) -> None:
    """One DER value, of an extension that the operator allows and nobody here knows."""
    if not value:
        raise ValueError("an extension without a value")
    der.only(value, value[0])


def _some(value: bytes) -> list[bytes]:
    """The elements of a SEQUENCE that must have some, and not too many."""
    found = der.split(der.only(value).content)
    if not 1 <= len(found) <= _MOST:
        raise ValueError("an extension with no or too many elements")
    return found


def _check_url(name: bytes) -> None:
    if name[0] != names.URI_TAG or not der.content(name).isascii():
        raise ValueError("a pointer that is not a URL")
    names.uri(der.content(name).decode("ascii"))


KNOWN: Mapping[str, Callable[[bytes], None]] = {
    extensions.BASIC_CONSTRAINTS: check_basic_constraints,
    extensions.KEY_USAGE: check_key_usage,
    extensions.SUBJECT_KEY_IDENTIFIER: check_subject_key_identifier,
    extensions.AUTHORITY_INFORMATION_ACCESS: check_authority_information_access,
    extensions.CRL_DISTRIBUTION_POINTS: check_crl_distribution_points,
    TLS_FEATURE: check_tls_feature,
    STEP_EXTENSION: check_step_extension,
}
"""The kinds that every key may put into a leaf, beside names, usages and the authority key identifier."""

NEVER: Mapping[str, str] = {
    extensions.NAME_CONSTRAINTS: "nameConstraints",
    "2.5.29.33": "policyMappings",
    extensions.POLICY_CONSTRAINTS: "policyConstraints",
    extensions.INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
    extensions.OCSP_NO_CHECK: "ocsp-nocheck",
    "2.16.840.1.113730.1.1": "nsCertType",
    "1.3.6.1.5.5.7.1.14": "proxyCertInfo",
    "1.3.6.1.4.1.311.21.10": "the application policies of Windows",
    "1.3.6.1.4.1.311.21.11": "the policy mappings of Windows",
    "1.3.6.1.4.1.311.21.12": "the policy constraints of Windows",
}
"""What belongs to CAs and responders, or gives usages past the extended key usage: no setting allows it."""


def parser_of(oid: str) -> Callable[[bytes], None]:
    """What reads the values of a kind that the operator allows beyond the known ones."""
    return check_certificate_policies if oid == CERTIFICATE_POLICIES else check_anything
