"""RFC 5280 §5: the rules of revocation lists."""

from collections.abc import Callable
from typing import TypeAlias

from cryptography import x509

from newel.crypto import certificate, der, distinguished_names, extensions, loading
from newel.crypto.lints.subject import Issuer, is_well_formed_time

_ZERO_REASON = bytes.fromhex("0603551d1504030a0100")
_CRITICAL_REASON = bytes.fromhex("0603551d150101ff")
_REMOVED = bytes.fromhex("0603551d1504030a0108")
_MAX_NUMBER = 1 << 159
_DELTA = "2.5.29.27"
_MAY_BE_CRITICAL = frozenset({extensions.ISSUING_DISTRIBUTION_POINT, _DELTA})


class ListSubject:
    """A TBSCertList under the linter. Raises :class:`der.DERError` or ``ValueError`` when it does not
    parse. Entries are searched as octets, never made into objects or copied: there may be a million.
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


def version_is_2(subject: ListSubject) -> bool:
    """A list is version 2 (RFC 5280 §5.1.2.1)."""
    return subject.version == b"\x01"


def signature_goes_with_issuer_key(subject: ListSubject) -> bool:
    """The signature algorithm is a strong one of the issuer's key (RFC 5280 §5.1.2.2)."""
    return subject.inner_algorithm in subject.issuer.signatures


def issuer_name_is_the_issuers(subject: ListSubject) -> bool:
    """The issuer name is the issuer's subject, octet by octet (RFC 5280 §5.1.2.3)."""
    return subject.issuer_name == subject.issuer.name != distinguished_names.EMPTY


def times_are_well_formed(subject: ListSubject) -> bool:
    """Times are UTCTime until 2049 and GeneralizedTime after, whole seconds (RFC 5280 §5.1.2.4)."""
    return is_well_formed_time(subject.this_update) and (
        subject.next_update is None or is_well_formed_time(subject.next_update)
    )


def next_update_is_there_and_later(subject: ListSubject) -> bool:
    """NextUpdate is there (RFC 5280 §5.1.2.5) and comes after thisUpdate."""
    next_update = subject.library.next_update_utc
    return next_update is not None and next_update > subject.library.last_update_utc


def revoked_certificates_are_not_empty(subject: ListSubject) -> bool:
    """Without entries revokedCertificates is absent (RFC 5280 §5.1.2.6)."""
    return subject.size_of_entries != 0


def authority_key_identifier_is_the_issuers(subject: ListSubject) -> bool:
    """The authority key identifier is there and is the issuer's (RFC 5280 §5.2.1)."""
    extension = subject.extensions.get(extensions.AUTHORITY_KEY_IDENTIFIER)
    if extension is None or not isinstance(extension.value, x509.AuthorityKeyIdentifier):
        return False
    return (
        not extension.critical and extension.value.key_identifier == subject.issuer.key_identifier
    )


def number_is_there_and_short(subject: ListSubject) -> bool:
    """The number is there, not critical, not negative, of at most 20 octets (RFC 5280 §5.2.3)."""
    extension = subject.extensions.get(extensions.CRL_NUMBER)
    if extension is None or not isinstance(extension.value, x509.CRLNumber):
        return False
    return not extension.critical and 0 <= extension.value.crl_number < _MAX_NUMBER


def distribution_point_is_critical(subject: ListSubject) -> bool:
    """The issuing distribution point is critical and not empty (RFC 5280 §5.2.5); one scope at most:
    the library refuses to parse what names several.
    """
    extension = subject.extensions.get(extensions.ISSUING_DISTRIBUTION_POINT)
    return extension is None or extension.critical


def critical_ones_are_known(subject: ListSubject) -> bool:
    """Only extensions that verifiers know are critical (RFC 5280 §5.2)."""
    return all(
        not each.critical or oid in _MAY_BE_CRITICAL for oid, each in subject.extensions.items()
    )


def reasons_are_said_or_left_out(subject: ListSubject) -> bool:
    """The reason unspecified (0) is left out, never written, and never critical (RFC 5280 §5.3.1)."""
    return _ZERO_REASON not in subject.tbs and _CRITICAL_REASON not in subject.tbs


def nothing_is_removed_from_whole_lists(subject: ListSubject) -> bool:
    """RemoveFromCRL stands in delta lists only (RFC 5280 §5.3.1)."""
    return _DELTA in subject.extensions or _REMOVED not in subject.tbs


RULES: tuple[ListRule, ...] = (
    version_is_2,
    signature_goes_with_issuer_key,
    issuer_name_is_the_issuers,
    times_are_well_formed,
    next_update_is_there_and_later,
    revoked_certificates_are_not_empty,
    authority_key_identifier_is_the_issuers,
    number_is_there_and_short,
    distribution_point_is_critical,
    critical_ones_are_known,
    reasons_are_said_or_left_out,
    nothing_is_removed_from_whole_lists,
)
