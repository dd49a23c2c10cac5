"""RFC 5280 §4.2: the extensions of any certificate."""

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from newel.crypto import extensions
from newel.crypto.algorithms import RSA, key_algorithm
from newel.crypto.lints.subject import CertificateRule, CertificateSubject

_MAY_BE_CRITICAL = frozenset(
    {
        extensions.KEY_USAGE,
        extensions.EXTENDED_KEY_USAGE,
        extensions.SUBJECT_ALT_NAME,
        extensions.BASIC_CONSTRAINTS,
        extensions.NAME_CONSTRAINTS,
        extensions.POLICY_CONSTRAINTS,
        extensions.INHIBIT_ANY_POLICY,
        "2.5.29.32",  # certificate policies
        "2.5.29.33",  # policy mappings
        "1.3.6.1.5.5.7.1.31",  # acmeIdentifier (RFC 8737 §3)
    }
)
_NEEDS_A_SIGNING_BIT = frozenset(
    {
        extensions.SERVER_AUTH,
        extensions.CLIENT_AUTH,
        extensions.OCSP_SIGNING,
    }
)


def e_critical_extension_unknown(subject: CertificateSubject) -> bool:
    """Allow critical extensions only where verifiers know them (RFC 5280 §4.2).

    Key identifiers, information access and the like are never critical (§4.2.1.1, §4.2.1.2, §4.2.2).
    """
    return _MAY_BE_CRITICAL.issuperset(subject.critical_ones)


def e_ext_authority_key_identifier_mismatch(subject: CertificateSubject) -> bool:
    """Require the authority key identifier to be the issuer's key identifier (RFC 5280 §4.2.1.1).

    A root may omit it.
    """
    value = subject.value(extensions.AUTHORITY_KEY_IDENTIFIER, x509.AuthorityKeyIdentifier)
    if subject.issuer is None:
        return value is None or value.key_identifier == _own_identifier(subject)
    return value is not None and value.key_identifier == subject.issuer.key_identifier


def _own_identifier(subject: CertificateSubject) -> bytes | None:
    value = subject.value(extensions.SUBJECT_KEY_IDENTIFIER, x509.SubjectKeyIdentifier)
    return value.digest if value else None


def e_ext_subject_key_identifier_missing(subject: CertificateSubject) -> bool:
    """Require a subject key identifier of at least one octet (RFC 5280 §4.2.1.2)."""
    return bool(_own_identifier(subject))


def e_ext_key_usage_missing_or_not_critical(subject: CertificateSubject) -> bool:
    """Require a critical key usage extension (RFC 5280 §4.2.1.3)."""
    return subject.key_usage is not None and subject.critical(extensions.KEY_USAGE) is True


def e_key_usage_inconsistent_with_key(subject: CertificateSubject) -> bool:
    """Allow encipherment of keys and data for RSA keys only (RFC 8813 §3, RFC 9295 §3)."""
    usage = subject.key_usage
    if usage is None or not (usage.key_encipherment or usage.data_encipherment):
        return True
    return key_algorithm(subject.spki) == RSA


def e_key_usage_and_extended_key_usage_inconsistent(subject: CertificateSubject) -> bool:
    """Require digitalSignature or a key exchange for TLS and OCSP signing (RFC 5280 §4.2.1.12)."""
    usage = subject.key_usage
    if usage is None or _NEEDS_A_SIGNING_BIT.isdisjoint(subject.purposes):
        return True
    return usage.digital_signature or (
        extensions.SERVER_AUTH in subject.purposes
        and (usage.key_encipherment or usage.key_agreement)
    )


def e_ext_key_usage_contains_any(subject: CertificateSubject) -> bool:
    """Forbid anyExtendedKeyUsage in end-entity certificates (RFC 5280 §4.2.1.12)."""
    return subject.ca or extensions.ANY_EXTENDED_KEY_USAGE not in subject.purposes


def e_ocsp_signing_not_alone(subject: CertificateSubject) -> bool:
    """Require nocheck, no other purpose and no CA of a responder's certificate (RFC 6960 §4.2.2.2).

    No other certificate may have nocheck.
    """
    signs = extensions.OCSP_SIGNING in subject.purposes
    if signs and (subject.ca or len(subject.purposes) > 1):
        return False
    return signs == (extensions.OCSP_NO_CHECK in subject.extensions)


def e_ext_crl_distribution_point_not_url(subject: CertificateSubject) -> bool:
    """Require http or ldap URLs under full names in distribution points (RFC 5280 §4.2.1.13)."""
    points = subject.value(extensions.CRL_DISTRIBUTION_POINTS, x509.CRLDistributionPoints)
    return points is None or all(
        point.full_name is not None and all(map(_is_plain_url, point.full_name)) for point in points
    )


def e_ext_aia_location_not_url(subject: CertificateSubject) -> bool:
    """Require http or ldap URLs of OCSP and caIssuers: TLS there could need itself (RFC 5280 §4.2.2.1)."""
    oid = extensions.AUTHORITY_INFORMATION_ACCESS
    access = subject.value(oid, x509.AuthorityInformationAccess)
    return access is None or all(_is_plain_url(each.access_location) for each in access)


def e_ext_tls_feature_without_ocsp_responder(subject: CertificateSubject) -> bool:
    """Require an OCSP responder where the subject has to staple (RFC 7633 §4.2.1)."""
    if extensions.TLS_FEATURE not in subject.extensions:
        return True
    features = subject.value(extensions.TLS_FEATURE, x509.TLSFeature)
    oid = extensions.AUTHORITY_INFORMATION_ACCESS
    access = subject.value(oid, x509.AuthorityInformationAccess)
    return bool(features) and any(
        each.access_method == AuthorityInformationAccessOID.OCSP for each in access or ()
    )


def _is_plain_url(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith(
        ("http://", "ldap://")
    )


RULES: tuple[CertificateRule, ...] = (
    e_critical_extension_unknown,
    e_ext_authority_key_identifier_mismatch,
    e_ext_subject_key_identifier_missing,
    e_ext_key_usage_missing_or_not_critical,
    e_key_usage_inconsistent_with_key,
    e_key_usage_and_extended_key_usage_inconsistent,
    e_ext_key_usage_contains_any,
    e_ocsp_signing_not_alone,
    e_ext_crl_distribution_point_not_url,
    e_ext_aia_location_not_url,
    e_ext_tls_feature_without_ocsp_responder,
)
