"""RFC 5280 §4.1: the basic fields of a certificate."""

from newel.crypto import distinguished_names, serials
from newel.crypto.algorithms import signatures_of
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.lints.subject import CertificateRule, CertificateSubject, is_well_formed_time


def version_is_3(subject: CertificateSubject) -> bool:
    """A certificate with extensions is version 3 (RFC 5280 §4.1.2.1)."""
    return subject.version == b"\x02\x01\x02"


def serial_is_positive_and_short(subject: CertificateSubject) -> bool:
    """The serial number is positive, in shortest form, of at most 20 octets (RFC 5280 §4.1.2.2)."""
    try:
        serials.check(subject.serial)
    except ValueError:
        return False
    return True


def signature_goes_with_issuer_key(subject: CertificateSubject) -> bool:
    """The signature algorithm is a strong one of the issuer's key (RFC 5280 §4.1.2.3, 4055, 5758,
    8410): its parameters as those documents have them.
    """
    issuer = subject.issuer
    return subject.inner_algorithm in (issuer.signatures if issuer else signatures_of(subject.spki))


def issuer_name_is_the_issuers(subject: CertificateSubject) -> bool:
    """The issuer name is not empty and is the issuer's subject, octet by octet (RFC 5280 §4.1.2.4);
    of a root, its own.
    """
    expected = subject.issuer.name if subject.issuer else subject.subject_name
    return subject.issuer_name == expected != distinguished_names.EMPTY


def times_are_well_formed(subject: CertificateSubject) -> bool:
    """Times are UTCTime until 2049 and GeneralizedTime after, whole seconds, Z (RFC 5280 §4.1.2.5)."""
    return is_well_formed_time(subject.encoded_before) and is_well_formed_time(
        subject.encoded_after
    )


def validity_is_in_order(subject: CertificateSubject) -> bool:
    """A certificate does not end before it begins (RFC 5280 §4.1.2.5)."""
    return subject.library.not_valid_before_utc <= subject.not_after


def issuer_lives_longer(subject: CertificateSubject) -> bool:
    """A certificate does not outlive its issuer (the shell model of RFC 5280 §6.1.3 (a)(2))."""
    return subject.issuer is None or subject.not_after <= subject.issuer.not_after


def subject_obeys_bounds(subject: CertificateSubject) -> bool:
    """Subject attributes have the string types, sizes and characters of RFC 5280 appendix A.1."""
    try:
        distinguished_names.check(subject.subject_name)
    except InvalidNameError:
        return False
    return True


def there_are_no_unique_identifiers(subject: CertificateSubject) -> bool:
    """Certificates carry no unique identifiers (RFC 5280 §4.1.2.8)."""
    return not subject.unique_identifiers


RULES: tuple[CertificateRule, ...] = (
    version_is_3,
    serial_is_positive_and_short,
    signature_goes_with_issuer_key,
    issuer_name_is_the_issuers,
    times_are_well_formed,
    validity_is_in_order,
    issuer_lives_longer,
    subject_obeys_bounds,
    there_are_no_unique_identifiers,
)
