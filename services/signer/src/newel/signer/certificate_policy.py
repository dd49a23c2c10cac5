"""Which certificates a key may sign, for every caller.

The checks, in order:

1. the algorithm inside the statement is the key's;
2. the issuer is, octet for octet, the subject of the key's certificate; the subject is not, and can be
   parsed, as can the public key;
3. the validity ends after it begins, has not ended, lies within the issuer's, begins soon, and from now
   (or its start, if later) is not longer than the maximum;
4. each extension occurs once, is allowed for the key and is parsed strictly: basicConstraints of no CA,
   keyUsage without certificate or CRL signing, extended key usages allowed for the key, names of known
   kinds and within the key's bounds, also those in the subject;
5. the authority key identifier is the issuer's, and both key usages are present.

No configuration allows CA and OCSP responder certificates: only the ceremony makes them.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from newel.crypto import der, distinguished_names, extensions, keys, oids
from newel.signer import extension_values
from newel.signer.errors import malformed_error, policy_error
from newel.signer.issuer import Issuer
from newel.signer.name_rules import NO_BOUNDS, NameBounds
from newel.signer.statements import CertificateStatement

BACKDATE = dt.timedelta(hours=1)
"""How long before a new issuer a leaf may begin: clocks differ."""
_SLACK = dt.timedelta(minutes=5)
"""How far the issuing authority's clock may be ahead."""

_KEY_USAGE = der.oid(extensions.KEY_USAGE)
_EXTENDED_KEY_USAGE = der.oid(extensions.EXTENDED_KEY_USAGE)
_SUBJECT_ALT_NAME = der.oid(extensions.SUBJECT_ALT_NAME)
_AUTHORITY_KEY_IDENTIFIER = der.oid(extensions.AUTHORITY_KEY_IDENTIFIER)

_COMMON_NAME = der.oid(oids.COMMON_NAME)
_MIN_SUBJECT = 14  # octets of a Name that is a common name of one letter

EVERY = "*"
"""In a list of the configuration: everything that no setting forbids."""
NEVER_USAGES = frozenset({extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE})

_MAY_BE_CRITICAL = frozenset(
    (der.oid(extensions.BASIC_CONSTRAINTS), _KEY_USAGE, _EXTENDED_KEY_USAGE, _SUBJECT_ALT_NAME)
)
_KNOWN = {der.oid(oid): check for oid, check in extension_values.KNOWN.items()}
_NEVER = {der.oid(oid): name for oid, name in extension_values.NEVER.items()}
_CRITICAL = [b"\x01\x01\xff"]


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """The certificates that a key's configuration allows."""

    max_validity: dt.timedelta
    latest_start: dt.timedelta
    extended_key_usages: frozenset[str]
    require_extended_key_usage: bool = True
    critical_extensions: frozenset[str] = frozenset()
    other_extensions: frozenset[str] = frozenset()
    names: NameBounds = NO_BOUNDS


class CertificatePolicy:
    """The checks of one key, in the order of the module's list."""

    def __init__(self, issuer: Issuer, algorithm: bytes, rules: CertificateRules) -> None:
        if issuer.is_root or not issuer.is_ca:
            raise ValueError("a running service signs by the certificate of an intermediate CA")
        self._issuer = issuer
        self._algorithm = algorithm
        self._rules = rules
        self._critical = _MAY_BE_CRITICAL | {der.oid(oid) for oid in rules.critical_extensions}
        identifier = extensions.authority_key_identifier(issuer.key_identifier)
        self._authority_key_identifier = identifier.der
        self._checks: dict[bytes, Callable[[bytes], None]] = {
            der.oid(oid): extension_values.parser_of(oid)
            for oid in (rules.critical_extensions | rules.other_extensions) - {EVERY}
        }
        self._checks |= _KNOWN
        self._checks[_AUTHORITY_KEY_IDENTIFIER] = _check_nothing
        self._checks[_EXTENDED_KEY_USAGE] = self._check_usages
        self._checks[_SUBJECT_ALT_NAME] = rules.names.check_alternative_names
        # Most extensions of a leaf are identical to those of the previous leaf.
        self._check_cached = lru_cache(maxsize=512)(self._check_extension)

    def check(self, statement: CertificateStatement, now: dt.datetime) -> None:
        """Raise :func:`policy_error` or :func:`malformed_error` for the first failed check."""
        if statement.algorithm != self._algorithm:
            raise policy_error("the algorithm in the certificate is not the key's")
        if statement.issuer != self._issuer.subject:
            raise policy_error("the issuer is not the subject of the key's certificate")
        if statement.subject == self._issuer.subject:
            raise policy_error("the subject is the issuer itself")
        _check_subject(statement.subject)
        _check_public_key(statement.public_key)
        self._check_validity(statement, now)
        self._check_extensions(statement.extensions)
        if self._rules.names.any:
            self._rules.names.check_subject(statement.subject)

    def _check_validity(self, statement: CertificateStatement, now: dt.datetime) -> None:
        begin, end, issuer = statement.not_before, statement.not_after, self._issuer
        if end < begin:
            raise policy_error("the certificate ends before it begins")
        if end <= now:
            raise policy_error("the certificate has expired before it is signed")
        if end > issuer.not_after:
            raise policy_error("the certificate outlives its issuer")
        if begin < issuer.not_before - BACKDATE:
            raise policy_error("the certificate begins long before its issuer")
        if begin > now + self._rules.latest_start + _SLACK:
            raise policy_error(f"the certificate begins at {begin}, too far ahead of now")
        # Backdating for slow clocks does not extend the remaining validity
        if end - max(begin, now) > self._rules.max_validity:
            raise policy_error(
                f"validity exceeds the maximum of {self._rules.max_validity}: notAfter is {end}"
            )

    def _check_extensions(self, extensions: Collection[bytes]) -> None:
        kinds = [self._check_cached(extension) for extension in extensions]
        if len(set(kinds)) != len(kinds):
            raise policy_error("an extension is repeated")
        if self._authority_key_identifier not in extensions:
            raise policy_error("the authority key identifier is not the issuer's")
        if _KEY_USAGE not in kinds:
            raise policy_error("the certificate has no key usage")
        if self._rules.require_extended_key_usage and _EXTENDED_KEY_USAGE not in kinds:
            raise policy_error("the certificate does not say what its key may be used for")

    def _check_extension(self, extension: bytes) -> bytes:
        """Check one extension of a leaf and return its kind. Raises an error of the signer."""
        try:
            # the library found the extensions in their places, so each is one whole element
            kind, *critical, octets = der.split(der.content(extension))
        except ValueError as error:
            raise malformed_error(f"an extension cannot be read: {error}") from None
        if (critical and critical != _CRITICAL) or octets[0] != der.OCTET_STRING:
            raise malformed_error("an extension is malformed")
        if kind in _NEVER:
            raise policy_error(f"{_NEVER[kind]} is not for certificates that services issue")
        if critical and kind not in self._critical:
            raise policy_error(f"an unknown critical extension: {_format_oid(kind)}")
        check = self._checks.get(kind)
        if check is None and EVERY in self._rules.other_extensions:
            check = extension_values.parser_of(_format_oid(kind))
        if check is None:
            raise policy_error(
                f"the extension {_format_oid(kind)} is not among the key's other_extensions"
            )
        try:
            check(der.content(octets))
        except ValueError as error:
            raise policy_error(f"the extension {_format_oid(kind)}: {error}") from None
        return kind

    def _check_usages(self, value: bytes) -> None:
        usages = [der.Reader(usage).oid() for usage in der.split(der.only(value).content)]
        allowed = self._rules.extended_key_usages
        every = EVERY in allowed
        if (
            not usages
            or not NEVER_USAGES.isdisjoint(usages)
            or not (every or allowed.issuperset(usages))
        ):
            raise policy_error(
                f"extended key usages {', '.join(sorted(usages))} that the key may not give"
            )
        if len(set(usages)) != len(usages):
            raise policy_error("an extended key usage is repeated")


def _check_subject(subject: bytes) -> None:
    """Refuse a subject that some verifiers cannot read, or end early at U+0000."""
    head = _common_name_head(len(subject))
    if head and subject.startswith(head) and (value := subject[len(head) :]).isascii():
        if not value.decode("ascii").isprintable():
            raise policy_error("the common name has a control character")
        return  # the common case
    try:
        attributes = distinguished_names.decode(subject)
        relative_names = der.split(der.content(subject))
    except ValueError as error:
        raise policy_error(f"the subject: {error}") from None
    if not all(each.value and "\0" not in each.value for each in attributes):
        raise policy_error("the subject has an empty attribute, or one with the character U+0000")
    if not all(map(der.content, relative_names)):
        raise policy_error("the subject has a relative name of no attributes")


@lru_cache(maxsize=128)
def _common_name_head(size: int) -> bytes:
    """Return the head of a subject of ``size`` octets with one UTF-8 common name; empty if impossible."""
    if not _MIN_SUBJECT <= size < 128:
        return b""
    lengths = bytes((der.SEQUENCE, size - 2, der.SET, size - 4, der.SEQUENCE, size - 6))
    return lengths + _COMMON_NAME + bytes((der.UTF8_STRING, size - _MIN_SUBJECT + 1))


def _check_public_key(key: bytes) -> None:
    try:
        keys.load_public_key(key)
    except ValueError as error:
        raise policy_error(f"the public key: {error}") from None


def _check_nothing(_: bytes) -> None:
    """Do nothing: the whole extension is compared with the issuer's."""


def _format_oid(kind: bytes) -> str:
    try:
        return der.decode_oid(der.content(kind))
    except der.DERError:
        return kind.hex()
