"""RFC 5280 §4.1: the basic fields of a certificate."""

from newel.crypto import distinguished_names, serials
from newel.crypto.algorithms import signatures_of
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.lints.subject import CertificateRule, CertificateSubject, is_well_formed_time


def e_invalid_certificate_version(subject: CertificateSubject) -> bool:
    """Require version 3, as certificates with extensions have it (RFC 5280 §4.1.2.1)."""
    return subject.version == b"\x02\x01\x02"


def e_serial_number_not_positive_or_longer_than_20_octets(subject: CertificateSubject) -> bool:
    """Require a positive serial number in shortest form, of at most 20 octets (RFC 5280 §4.1.2.2)."""
    try:
        serials.check(subject.serial)
    except ValueError:
        return False
    return True


def e_signature_algorithm_not_of_issuer_key(subject: CertificateSubject) -> bool:
    """Require a strong signature algorithm of the issuer's key (RFC 5280 §4.1.2.3).

    Its parameters are those of RFC 4055, RFC 5758 or RFC 8410.
    """
    issuer = subject.issuer
    return subject.inner_algorithm in (issuer.signatures if issuer else signatures_of(subject.spki))


def e_issuer_dn_mismatch(subject: CertificateSubject) -> bool:
    """Require the issuer name to be the issuer's subject, octet by octet (RFC 5280 §4.1.2.4).

    It is not empty; a root's is its own subject.
    """
    expected = subject.issuer.name if subject.issuer else subject.subject_name
    return subject.issuer_name == expected != distinguished_names.EMPTY


def e_wrong_time_format(subject: CertificateSubject) -> bool:
    """Require UTCTime until 2049, GeneralizedTime after, whole seconds, Z (RFC 5280 §4.1.2.5)."""
    return is_well_formed_time(subject.encoded_before) and is_well_formed_time(
        subject.encoded_after
    )


def e_validity_time_not_positive(subject: CertificateSubject) -> bool:
    """Require notAfter not to be before notBefore (RFC 5280 §4.1.2.5)."""
    return subject.library.not_valid_before_utc <= subject.not_after


def e_validity_exceeds_issuer(subject: CertificateSubject) -> bool:
    """Require notAfter not to be after the issuer's (the shell model of RFC 5280 §6.1.3 (a)(2))."""
    return subject.issuer is None or subject.not_after <= subject.issuer.not_after


def e_subject_attribute_out_of_bounds(subject: CertificateSubject) -> bool:
    """Require the string types, sizes and characters of RFC 5280 appendix A.1 in subjects."""
    try:
        distinguished_names.check(subject.subject_name)
    except InvalidNameError:
        return False
    return True


def e_cert_contains_unique_identifier(subject: CertificateSubject) -> bool:
    """Forbid unique identifiers (RFC 5280 §4.1.2.8)."""
    return not subject.unique_identifiers


RULES: tuple[CertificateRule, ...] = (
    e_invalid_certificate_version,
    e_serial_number_not_positive_or_longer_than_20_octets,
    e_signature_algorithm_not_of_issuer_key,
    e_issuer_dn_mismatch,
    e_wrong_time_format,
    e_validity_time_not_positive,
    e_validity_exceeds_issuer,
    e_subject_attribute_out_of_bounds,
    e_cert_contains_unique_identifier,
)
