"""Which certificates a key may sign, whoever asks: the third of the five walls around the key.

The checks, in order:

1. the algorithm inside the statement is the key's own;
2. the issuer is, octet for octet, the subject of the key's certificate; the subject is not, and can be
   read, as can the public key;
3. the validity ends after it begins, is not over, lies within the issuer's, begins soon, and from now on
   (or its start, when that is later) is no longer than the cap;
4. each extension once, each of a kind on the key's list and read strictly: basicConstraints says no CA,
   keyUsage signs neither certificates nor CRLs, every extended key usage is on the key's list, the names
   are of known kinds and within the key's bounds, as are those in the subject;
5. the authority key identifier is the issuer's, and both key usages are there.

A CA certificate and an OCSP responder's cannot be allowed by configuration: only the ceremony makes them.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from newel.crypto import der, distinguished_names, extensions, keys
from newel.signer import extension_values
from newel.signer.errors import malformed_error, policy_error
from newel.signer.issuer import Issuer
from newel.signer.name_rules import NO_BOUNDS, NameBounds
from newel.signer.statements import CertificateStatement

BACKDATE = dt.timedelta(hours=1)
"""How far a leaf may begin before a fresh issuer does: clocks differ."""
_SLACK = dt.timedelta(minutes=5)
"""How far the issuing authority's clock may be ahead of this one's."""

_KEY_USAGE = der.oid(extensions.KEY_USAGE)
_EXTENDED_KEY_USAGE = der.oid(extensions.EXTENDED_KEY_USAGE)
_SUBJECT_ALT_NAME = der.oid(extensions.SUBJECT_ALT_NAME)
_AUTHORITY_KEY_IDENTIFIER = der.oid(extensions.AUTHORITY_KEY_IDENTIFIER)

_COMMON_NAME = der.oid(distinguished_names.COMMON_NAME)
_SHORTEST = 14  # octets of a Name that is a common name of one letter

NEVER_USAGES = frozenset({extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE})

_MAY_BE_CRITICAL = frozenset(
    (der.oid(extensions.BASIC_CONSTRAINTS), _KEY_USAGE, _EXTENDED_KEY_USAGE, _SUBJECT_ALT_NAME)
)
_KNOWN = {der.oid(oid): check for oid, check in extension_values.KNOWN.items()}
_NEVER = {der.oid(oid): name for oid, name in extension_values.NEVER.items()}
_CRITICAL = [b"\x01\x01\xff"]


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """What a key's configuration allows in certificates."""

    max_validity: dt.timedelta
    latest_start: dt.timedelta
    extended_key_usages: frozenset[str]
    require_extended_key_usage: bool = True
    critical_extensions: frozenset[str] = frozenset()
    other_extensions: frozenset[str] = frozenset()
    names: NameBounds = NO_BOUNDS


class CertificatePolicy:
    """The checks of one key; see the module for their order."""

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
            for oid in rules.critical_extensions | rules.other_extensions
        }
        self._checks |= _KNOWN
        self._checks[_AUTHORITY_KEY_IDENTIFIER] = _check_nothing
        self._checks[_EXTENDED_KEY_USAGE] = self._check_usages
        self._checks[_SUBJECT_ALT_NAME] = rules.names.check_alternative_names
        # Most extensions of a leaf are, octet for octet, those of the leaf before.
        self._judge = lru_cache(maxsize=512)(self._judge_extension)

    def check(self, statement: CertificateStatement, now: dt.datetime) -> None:
        """Raises :func:`policy_error` or :func:`malformed_error` with what is wrong."""
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
            raise policy_error("the certificate is over before it is signed")
        if end > issuer.not_after:
            raise policy_error("the certificate outlives its issuer")
        if begin < issuer.not_before - BACKDATE:
            raise policy_error("the certificate begins long before its issuer")
        if begin > now + self._rules.latest_start + _SLACK:
            raise policy_error(f"the certificate begins at {begin}, too far ahead of now")
        # What is set back for slow clocks does not lengthen what is left of its life
        if end - max(begin, now) > self._rules.max_validity:
            raise policy_error(f"valid until {end}, the most is {self._rules.max_validity}")

    def _check_extensions(self, extensions: Collection[bytes]) -> None:
        kinds = [self._judge(extension) for extension in extensions]
        if len(set(kinds)) != len(kinds):
            raise policy_error("an extension stands there twice")
        if self._authority_key_identifier not in extensions:
            raise policy_error("the authority key identifier is not the issuer's")
        if _KEY_USAGE not in kinds:
            raise policy_error("the certificate has no key usage")
        if self._rules.require_extended_key_usage and _EXTENDED_KEY_USAGE not in kinds:
            raise policy_error("the certificate does not say what its key may be used for")

    def _judge_extension(self, extension: bytes) -> bytes:
        """The kind of one extension that may stand in a leaf. Raises a refusal."""
        try:
            # the library found the extensions in their places, so each is one whole element
            kind, *critical, octets = der.split(der.content(extension))
        except ValueError as error:
            raise malformed_error(f"an extension cannot be read: {error}") from None
        if (critical and critical != _CRITICAL) or octets[0] != der.OCTET_STRING:
            raise malformed_error("an extension that is not made as it should be")
        if kind in _NEVER:
            raise policy_error(f"{_NEVER[kind]} is not for certificates that services issue")
        if critical and kind not in self._critical:
            raise policy_error(f"a critical extension not known here: {_dotted(kind)}")
        check = self._checks.get(kind)
        if check is None:
            raise policy_error(
                f"the extension {_dotted(kind)} is not among the key's other_extensions"
            )
        try:
            check(der.content(octets))
        except ValueError as error:
            raise policy_error(f"the extension {_dotted(kind)}: {error}") from None
        return kind

    def _check_usages(self, value: bytes) -> None:
        usages = [der.Reader(usage).oid() for usage in der.split(der.only(value).content)]
        allowed = self._rules.extended_key_usages - NEVER_USAGES
        if not usages or not allowed.issuperset(usages):
            raise policy_error(
                f"extended key usages {', '.join(sorted(usages))} that the key may not give"
            )
        if len(set(usages)) != len(usages):
            raise policy_error("an extended key usage stands there twice")


def _check_subject(subject: bytes) -> None:
    """Read every attribute: what cannot be read, or ends before its end for some, names anybody."""
    head = _common_name_head(len(subject))
    if head and subject.startswith(head) and (value := subject[len(head) :]).isascii():
        if not value.decode("ascii").isprintable():
            raise policy_error("the common name has a control character")
        return  # as nearly every leaf's
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
    """How a subject of so many octets begins that is one common name in UTF-8; empty where none can be."""
    if not _SHORTEST <= size < 128:
        return b""
    lengths = bytes((der.SEQUENCE, size - 2, der.SET, size - 4, der.SEQUENCE, size - 6))
    return lengths + _COMMON_NAME + bytes((der.UTF8_STRING, size - _SHORTEST + 1))


def _check_public_key(key: bytes) -> None:
    try:
        keys.load_public_key(key)
    except ValueError as error:
        raise policy_error(f"the public key: {error}") from None


def _check_nothing(_: bytes) -> None:
    """The whole extension is held against the issuer's, octet for octet."""


def _dotted(kind: bytes) -> str:
    try:
        return der.dotted(der.content(kind))
    except der.DERError:
        return kind.hex()
