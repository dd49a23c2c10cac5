"""The values of the extensions that a leaf may have, parsed strictly by one function for each kind.

Values that verifiers could not parse, or parse differently, are not signed. Each function takes the DER
of the value and raises ``ValueError`` (also as :class:`newel.crypto.der.DERError`) for values that break
RFC 5280 §4.2; the policy refuses them. The policy itself parses names and extended key usages, which
depend on the key's rules.
"""

from collections.abc import Callable, Mapping

from newel.crypto import der, extensions, names, oids

_MAX_KEY_IDENTIFIER = 64
_SHA1_HEADER = b"\x04\x14"
_MAX_ELEMENTS = 16  # of one extension
_SIGNS_CERTIFICATES_OR_CRLS = 0x04 | 0x02  # bits 5 and 6 of KeyUsage
_KEY_AGREEMENT, _ENCIPHER_ONLY = 0x08, 0x01
_TLS_FEATURES = frozenset(
    (b"\x05", b"\x11")
)  # status_request and status_request_v2 (RFC 7633 §4.1)
_ACCESS_METHODS = frozenset((der.oid(oids.OCSP_METHOD), der.oid(oids.CA_ISSUERS_METHOD)))
_PRACTICE_STATEMENT = der.oid(oids.PRACTICE_STATEMENT)
_FULL_NAME = 0xA0


def check_basic_constraints(value: bytes) -> None:
    """Check for BasicConstraints of no CA, which are empty because DER omits defaults (§4.2.1.9)."""
    if value != b"\x30\x00":
        raise ValueError("a CA certificate")


def check_key_usage(value: bytes) -> None:
    """Check for a KeyUsage without certificate or CRL signing (§4.2.1.3) or trailing zero bits."""
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
    """Check for a SubjectKeyIdentifier: an OCTET STRING of a usual length (§4.2.1.2)."""
    if value[:2] == _SHA1_HEADER and len(value) == 22:  # the common case
        return
    if not 1 <= len(der.only(value, der.OCTET_STRING).content) <= _MAX_KEY_IDENTIFIER:
        raise ValueError("a subject key identifier that is empty or too long")


def check_authority_information_access(value: bytes) -> None:
    """Check for an AuthorityInfoAccess with URLs of responders and issuer certificates only (§4.2.2.1)."""
    for description in _split_bounded(value):
        method, location = der.split(der.only(description).content)
        if method not in _ACCESS_METHODS:
            raise ValueError("an access method that is neither OCSP nor caIssuers")
        _check_url(location)


def check_crl_distribution_points(value: bytes) -> None:
    """Check for CRLDistributionPoints with full names of URLs only: no reasons, no cRLIssuer (§4.2.1.13)."""
    for point in _split_bounded(value):
        (name,) = der.split(der.only(point).content)
        (full,) = der.split(der.only(name, _FULL_NAME).content)
        locations = der.split(der.only(full, _FULL_NAME).content)
        if not 1 <= len(locations) <= _MAX_ELEMENTS:
            raise ValueError("a distribution point of no or too many URLs")
        for location in locations:
            _check_url(location)


def check_tls_feature(value: bytes) -> None:
    """Check for TLSFeatures of stapling only (RFC 7633 §4.1), each once."""
    features = [der.only(each, der.INTEGER).content for each in _split_bounded(value)]
    if len(set(features)) != len(features) or not _TLS_FEATURES.issuperset(features):
        raise ValueError("a TLS feature that is not stapling, or one twice")


def check_step_extension(value: bytes) -> None:
    """Check for a provisioner's type, name, credential and pairs of texts."""
    kind, name, credential, *pairs = der.split(der.only(value).content)
    der.Reader(kind).integer()
    der.only(name, der.OCTET_STRING)
    der.only(credential, der.OCTET_STRING)
    for pair in pairs:
        der.split(der.only(pair).content)
    if len(pairs) > 1:
        raise ValueError("a provisioner extension with more fields than it has")


def check_certificate_policies(value: bytes) -> None:
    """Check for CertificatePolicies, each once, with no qualifiers but URLs of statements (§4.2.1.4)."""
    seen: set[bytes] = set()
    for information in _split_bounded(value):
        policy, *qualifiers = der.split(der.only(information).content)
        der.Reader(policy).oid()
        if policy in seen or len(qualifiers) > 1:
            raise ValueError("a certificate policy twice, or qualified twice")
        seen.add(policy)
        for qualifier in _split_bounded(qualifiers[0]) if qualifiers else ():
            kind, url = der.split(der.only(qualifier).content)
            if kind != _PRACTICE_STATEMENT or not der.only(url, der.IA5_STRING).content.isascii():
                raise ValueError("a policy qualifier that is no URL of a statement")


def check_anything(value: bytes) -> None:
    """One DER value, of an extension that the operator allows and this module does not know."""
    if not value:
        raise ValueError("an extension without a value")
    der.only(value, value[0])


def _split_bounded(value: bytes) -> list[bytes]:
    """Split a SEQUENCE that must have some elements, and not too many."""
    found = der.split(der.only(value).content)
    if not 1 <= len(found) <= _MAX_ELEMENTS:
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
    oids.TLS_FEATURE: check_tls_feature,
    oids.STEP_PROVISIONER: check_step_extension,
}
"""The extensions that every key may sign, in addition to names, usages and the authority key identifier."""

NEVER: Mapping[str, str] = {
    extensions.NAME_CONSTRAINTS: "nameConstraints",
    oids.POLICY_MAPPINGS: "policyMappings",
    extensions.POLICY_CONSTRAINTS: "policyConstraints",
    extensions.INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
    extensions.OCSP_NO_CHECK: "ocsp-nocheck",
    "2.16.840.1.113730.1.1": "nsCertType",
    "1.3.6.1.5.5.7.1.14": "proxyCertInfo",
    "1.3.6.1.4.1.311.21.10": "the application policies of Windows",
    "1.3.6.1.4.1.311.21.11": "the policy mappings of Windows",
    "1.3.6.1.4.1.311.21.12": "the policy constraints of Windows",
}
"""Extensions of CAs and responders, or that add usages to the extended key usage: no setting allows them."""


def parser_of(oid: str) -> Callable[[bytes], None]:
    """Return the check of the values of an extension that the operator allows in addition."""
    return check_certificate_policies if oid == oids.CERTIFICATE_POLICIES else check_anything
