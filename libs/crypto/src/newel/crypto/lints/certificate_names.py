"""RFC 5280 §4.1.2.6 and §4.2.1.6: the names of a certificate."""

from newel.crypto import dns_names, names
from newel.crypto.dns_names import STRICT, InvalidNameError, NameRules
from newel.crypto.lints.subject import CertificateRule, CertificateSubject

_LENIENT = NameRules(underscores=True)
_TEXTS = frozenset({names.DNS_TAG, names.EMAIL_TAG, names.URI_TAG})


def e_subject_empty_without_san(subject: CertificateSubject) -> bool:
    """Require a subject or an alternative name (RFC 5280 §4.1.2.6)."""
    return not subject.nameless or bool(subject.alternative_names)


def e_ext_san_not_critical_without_subject(subject: CertificateSubject) -> bool:
    """Require critical alternative names if, and only if, the subject is empty (RFC 5280 §4.2.1.6)."""
    critical = subject.names_are_critical
    return critical is None or critical == subject.nameless


def e_ext_san_no_entries(subject: CertificateSubject) -> bool:
    """Require at least one name in an alternative name extension (RFC 5280 §4.2.1.6)."""
    return subject.alternative_names != []


def e_ext_san_unsupported_name_type(subject: CertificateSubject) -> bool:
    """Allow domain names, IP addresses of 4 or 16 octets, mailboxes and URIs (RFC 5280 §4.2.1.6).

    The permanentIdentifier of a device is allowed too (RFC 4043). No rule checks another type, so none is
    signed.
    """
    return all(
        each.tag in _TEXTS
        or (each.tag == names.IP_TAG and len(each.content) in {4, 16})
        or (each.tag == names.OTHER_NAME_TAG and _is_permanent_identifier(each.content))
        for each in subject.alternative_names or ()
    )


def _is_permanent_identifier(content: bytes) -> bool:
    try:
        names.from_certificate(names.OTHER_NAME_TAG, content)
    except InvalidNameError:
        return False
    return True


def e_ext_san_dns_name_not_preferred_syntax(subject: CertificateSubject) -> bool:
    """Require domain names in preferred syntax, as A-labels and in lower case.

    RFC 5280 §4.2.1.6 and §7.2; RFC 1034 §3.5 as amended by RFC 1123 §2.1.
    """
    return all(map(_is_domain_name, subject.dns_names))


def _is_domain_name(text: str) -> bool:
    try:
        rules = _LENIENT if "_" in text else STRICT  # which differ in nothing else
        return dns_names.canonical(text, rules) == text
    except InvalidNameError:
        return False


def e_ext_san_rfc822_format_invalid(subject: CertificateSubject) -> bool:
    """Require rfc822Names to be bare mailboxes (RFC 5280 §4.2.1.6)."""
    return all(map(_is_mailbox, subject.emails))


def _is_mailbox(text: str) -> bool:
    try:
        return names.email_address(text).value == text
    except InvalidNameError:
        return False


def e_ext_san_uri_format_invalid(subject: CertificateSubject) -> bool:
    """Require absolute URIs with a scheme-specific part (RFC 5280 §4.2.1.6).

    The host, where there is one, is a domain name or an address.
    """
    return all(map(_is_uri, subject.uris))


def _is_uri(text: str) -> bool:
    try:
        names.uri(text)
    except InvalidNameError:
        return False
    return True


def e_ext_san_duplicate_name(subject: CertificateSubject) -> bool:
    """Forbid the same alternative name twice: relying parties take the names for a set."""
    found = subject.alternative_names or ()
    return len(found) < 2 or len({each.raw for each in found}) == len(found)


RULES: tuple[CertificateRule, ...] = (
    e_subject_empty_without_san,
    e_ext_san_not_critical_without_subject,
    e_ext_san_no_entries,
    e_ext_san_unsupported_name_type,
    e_ext_san_dns_name_not_preferred_syntax,
    e_ext_san_rfc822_format_invalid,
    e_ext_san_uri_format_invalid,
    e_ext_san_duplicate_name,
)
