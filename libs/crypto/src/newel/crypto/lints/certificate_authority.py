"""RFC 5280 §4.2.1.3, .9, .10: what only authorities have, and leaves must not."""

from cryptography import x509

from newel.crypto import extensions
from newel.crypto.lints.subject import CertificateRule, CertificateSubject


def e_basic_constraints_and_key_cert_sign_inconsistent(subject: CertificateSubject) -> bool:
    """Require keyCertSign of CA certificates, and of no other (RFC 5280 §4.2.1.9)."""
    usage = subject.key_usage
    return usage is None or usage.key_cert_sign == subject.ca


def e_basic_constraints_not_critical(subject: CertificateSubject) -> bool:
    """Require critical basic constraints in a CA certificate (RFC 5280 §4.2.1.9)."""
    return not subject.ca or subject.critical(extensions.BASIC_CONSTRAINTS) is True


def e_ext_name_constraints_not_in_ca(subject: CertificateSubject) -> bool:
    """Allow name constraints in CA certificates only, and critical (RFC 5280 §4.2.1.10)."""
    critical = subject.critical(extensions.NAME_CONSTRAINTS)
    return critical is None or (critical and subject.ca)


def e_ext_policy_constraints_not_in_ca(subject: CertificateSubject) -> bool:
    """Allow policy constraints, mappings and inhibitAnyPolicy in CA certificates only, and critical.

    RFC 5280 §4.2.1.5, .11, .14.
    """
    found = [
        critical
        for oid in (extensions.POLICY_CONSTRAINTS, extensions.INHIBIT_ANY_POLICY, "2.5.29.33")
        if (critical := subject.critical(oid)) is not None
    ]
    return not found or (subject.ca and all(found))


def e_ca_subject_field_empty(subject: CertificateSubject) -> bool:
    """Require a subject of a CA certificate (RFC 5280 §4.1.2.6)."""
    return not subject.ca or not subject.nameless


def e_path_len_constraint_exceeds_issuer(subject: CertificateSubject) -> bool:
    """Require a CA's path length to be below its issuer's (RFC 5280 §4.2.1.9)."""
    value = subject.value(extensions.BASIC_CONSTRAINTS, x509.BasicConstraints)
    room = subject.issuer.path_length if subject.issuer else None
    if value is None or not value.ca or room is None:
        return True
    return value.path_length is not None and value.path_length < room


RULES: tuple[CertificateRule, ...] = (
    e_basic_constraints_and_key_cert_sign_inconsistent,
    e_basic_constraints_not_critical,
    e_ext_name_constraints_not_in_ca,
    e_ext_policy_constraints_not_in_ca,
    e_ca_subject_field_empty,
    e_path_len_constraint_exceeds_issuer,
)
