"""RFC 5280 §5: the rules of revocation lists."""

from collections.abc import Callable
from typing import TypeAlias

from cryptography import x509

from newel.crypto import certificate, der, distinguished_names, extensions, loading
from newel.crypto.lints.subject import Issuer, is_well_formed_time

_ZERO_REASON = bytes.fromhex("0603551d1504030a0100")
_CRITICAL_REASON = bytes.fromhex("0603551d150101ff")
_REMOVED = bytes.fromhex("0603551d1504030a0108")
_RARE_ENDS = {
    _ZERO_REASON: bytes.fromhex("04030a0100"),
    _CRITICAL_REASON: bytes.fromhex("150101ff"),
    _REMOVED: bytes.fromhex("04030a0108"),
}
"""The part of each that no entry without it has but by chance: to look for it takes half of the time."""
_MAX_NUMBER = 1 << 159
_DELTA = extensions.DELTA_CRL_INDICATOR
_MAY_BE_CRITICAL = frozenset({extensions.ISSUING_DISTRIBUTION_POINT, _DELTA})


class ListSubject:
    """A TBSCertList under the linter.

    Raises :class:`der.DERError` or ``ValueError`` when it does not parse. Entries are searched as
    octets, never made into objects or copied: there may be a million.
    """

    def __init__(self, tbs: bytes, issuer: Issuer) -> None:
        self.tbs = tbs
        reader = der.Reader(tbs)
        reader.enter(der.SEQUENCE)
        version = reader.optional(der.INTEGER)
        self.version = b"" if version is None else version.content
        self.inner_algorithm = reader.read(der.SEQUENCE).raw
        self.issuer_name = reader.read(der.SEQUENCE).raw
        self.this_update = reader.read()
        has_next = reader.peek() in {der.UTC_TIME, der.GENERALIZED_TIME}
        self.next_update = reader.read() if has_next else None
        has_entries = reader.peek() == der.SEQUENCE
        self.size_of_entries = reader.enter(der.SEQUENCE) if has_entries else None
        self.issuer = issuer
        wrapped = certificate.assemble(tbs, self.inner_algorithm, b"")
        self.library = loading.load_list(wrapped)
        self.extensions = {each.oid.dotted_string: each for each in self.library.extensions}


ListRule: TypeAlias = Callable[[ListSubject], bool]


def e_crl_version_not_2(subject: ListSubject) -> bool:
    """Require version 2 (RFC 5280 §5.1.2.1)."""
    return subject.version == b"\x01"


def e_crl_signature_algorithm_not_of_issuer_key(subject: ListSubject) -> bool:
    """Require a strong signature algorithm of the issuer's key (RFC 5280 §5.1.2.2)."""
    return subject.inner_algorithm in subject.issuer.signatures


def e_crl_issuer_dn_mismatch(subject: ListSubject) -> bool:
    """Require the issuer name to be the issuer's subject, octet by octet (RFC 5280 §5.1.2.3)."""
    return subject.issuer_name == subject.issuer.name != distinguished_names.EMPTY


def e_crl_wrong_time_format(subject: ListSubject) -> bool:
    """Require UTCTime until 2049, GeneralizedTime after, whole seconds (RFC 5280 §5.1.2.4)."""
    return is_well_formed_time(subject.this_update) and (
        subject.next_update is None or is_well_formed_time(subject.next_update)
    )


def e_crl_next_update_missing_or_not_later(subject: ListSubject) -> bool:
    """Require nextUpdate, and after thisUpdate (RFC 5280 §5.1.2.5)."""
    next_update = subject.library.next_update_utc
    return next_update is not None and next_update > subject.library.last_update_utc


def e_crl_empty_revoked_certificates(subject: ListSubject) -> bool:
    """Forbid revokedCertificates without entries (RFC 5280 §5.1.2.6)."""
    return subject.size_of_entries != 0


def e_crl_authority_key_identifier_mismatch(subject: ListSubject) -> bool:
    """Require the issuer's key identifier, not critical (RFC 5280 §5.2.1)."""
    extension = subject.extensions.get(extensions.AUTHORITY_KEY_IDENTIFIER)
    if extension is None or not isinstance(extension.value, x509.AuthorityKeyIdentifier):
        return False
    return (
        not extension.critical and extension.value.key_identifier == subject.issuer.key_identifier
    )


def e_crl_number_missing_or_out_of_bounds(subject: ListSubject) -> bool:
    """Require a CRL number of at most 20 octets, neither critical nor negative (RFC 5280 §5.2.3)."""
    extension = subject.extensions.get(extensions.CRL_NUMBER)
    if extension is None or not isinstance(extension.value, x509.CRLNumber):
        return False
    return not extension.critical and 0 <= extension.value.crl_number < _MAX_NUMBER


def e_crl_issuing_distribution_point_not_critical(subject: ListSubject) -> bool:
    """Require the issuing distribution point to be critical (RFC 5280 §5.2.5).

    The library refuses to parse an empty one and one with several scopes.
    """
    extension = subject.extensions.get(extensions.ISSUING_DISTRIBUTION_POINT)
    return extension is None or extension.critical


def e_crl_critical_extension_unknown(subject: ListSubject) -> bool:
    """Allow critical extensions only where verifiers know them (RFC 5280 §5.2)."""
    return all(
        not each.critical or oid in _MAY_BE_CRITICAL for oid, each in subject.extensions.items()
    )


def e_crl_reason_unspecified_or_critical(subject: ListSubject) -> bool:
    """Forbid the reason unspecified (0), and critical reasons (RFC 5280 §5.3.1)."""
    return not (_has(subject.tbs, _ZERO_REASON) or _has(subject.tbs, _CRITICAL_REASON))


def e_crl_remove_from_crl_in_complete_list(subject: ListSubject) -> bool:
    """Allow removeFromCRL in delta CRLs only (RFC 5280 §5.3.1)."""
    return _DELTA in subject.extensions or not _has(subject.tbs, _REMOVED)


def e_crl_delta_indicator_not_critical_or_base_later(subject: ListSubject) -> bool:
    """Require a critical indicator with a base no later than the delta CRL (RFC 5280 §5.2.4)."""
    indicator = subject.extensions.get(_DELTA)
    if indicator is None:
        return True
    number = subject.extensions.get(extensions.CRL_NUMBER)
    if number is None or not isinstance(number.value, x509.CRLNumber):
        return False
    base = indicator.value
    return (
        indicator.critical
        and isinstance(base, x509.DeltaCRLIndicator)
        and 0 <= base.crl_number <= number.value.crl_number
    )


def e_crl_freshest_in_delta_list(subject: ListSubject) -> bool:
    """Allow FreshestCRL in complete CRLs only (RFC 5280 §5.2.6)."""
    return _DELTA not in subject.extensions or extensions.FRESHEST_CRL not in subject.extensions


def _has(tbs: bytes, extension: bytes) -> bool:
    return _RARE_ENDS[extension] in tbs and extension in tbs


RULES: tuple[ListRule, ...] = (
    e_crl_version_not_2,
    e_crl_signature_algorithm_not_of_issuer_key,
    e_crl_issuer_dn_mismatch,
    e_crl_wrong_time_format,
    e_crl_next_update_missing_or_not_later,
    e_crl_empty_revoked_certificates,
    e_crl_authority_key_identifier_mismatch,
    e_crl_number_missing_or_out_of_bounds,
    e_crl_issuing_distribution_point_not_critical,
    e_crl_critical_extension_unknown,
    e_crl_reason_unspecified_or_critical,
    e_crl_remove_from_crl_in_complete_list,
    e_crl_delta_indicator_not_critical_or_base_later,
    e_crl_freshest_in_delta_list,
)
