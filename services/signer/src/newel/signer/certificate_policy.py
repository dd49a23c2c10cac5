"""Which certificates a key may sign, whoever asks: the third of the five walls around the key.

The checks, in order:

1. the algorithm inside the statement is the key's own;
2. the issuer is, octet for octet, the subject of the key's certificate; the subject is not;
3. the validity ends after it begins, is not over, lies within the issuer's, and from now on (or its
   start, when that is later) is no longer than the cap;
4. each extension once, and each by its kind: basicConstraints says no CA, keyUsage signs neither
   certificates nor CRLs, every extended key usage is on the key's list, the names are within the
   key's bounds; what belongs to CAs and responders alone is refused, and so is anything critical that
   is not known here;
5. the authority key identifier is the issuer's, and the extended key usage is there.

A CA certificate and an OCSP responder's cannot be allowed by configuration: only the ceremony makes them.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from newel.crypto import der, extensions
from newel.crypto.durations import format_duration
from newel.signer.issuer import Issuer
from newel.signer.refusal import malformed, refused
from newel.signer.statements import CertificateStatement

BACKDATE = dt.timedelta(hours=1)
"""How far a leaf may begin before a fresh issuer does: clocks differ."""

_BASIC_CONSTRAINTS = der.oid(extensions.BASIC_CONSTRAINTS)
_KEY_USAGE = der.oid(extensions.KEY_USAGE)
_EXTENDED_KEY_USAGE = der.oid(extensions.EXTENDED_KEY_USAGE)
_SUBJECT_ALT_NAME = der.oid(extensions.SUBJECT_ALT_NAME)

NEVER_USAGES = frozenset({extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE})

_MAY_BE_CRITICAL = frozenset(
    (_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE, _SUBJECT_ALT_NAME)
)
_NEVER = {
    der.oid(extensions.NAME_CONSTRAINTS): "nameConstraints",
    der.oid("2.5.29.33"): "policyMappings",
    der.oid(extensions.POLICY_CONSTRAINTS): "policyConstraints",
    der.oid(extensions.INHIBIT_ANY_POLICY): "inhibitAnyPolicy",
    der.oid(extensions.OCSP_NO_CHECK): "ocsp-nocheck",
}
_NOT_CA = b"\x30\x00"  # DER leaves out what is default: any other value is a CA or is not DER
_SIGNS_CERTIFICATES_OR_CRLS = 0x04 | 0x02  # bits 5 and 6 of KeyUsage
_CRITICAL = b"\x01\x01\xff"


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """What a key's configuration allows in certificates."""

    max_validity: dt.timedelta
    extended_key_usages: frozenset[str]
    require_extended_key_usage: bool = True
    critical_extensions: frozenset[str] = frozenset()
    names: Callable[[bytes], None] | None = None  # refuses a subjectAltName value out of bounds


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
            _BASIC_CONSTRAINTS: self._check_basic_constraints,
            _KEY_USAGE: self._check_key_usage,
            _EXTENDED_KEY_USAGE: self._check_usages,
        }
        if rules.names:
            self._checks[_SUBJECT_ALT_NAME] = rules.names
        # Most extensions of a leaf are, octet for octet, those of the leaf before.
        self._judge = lru_cache(maxsize=512)(self._judge_extension)

    def check(self, statement: CertificateStatement, now: dt.datetime) -> None:
        """Raises :func:`refused` or :func:`malformed` with what is wrong."""
        if statement.algorithm != self._algorithm:
            raise refused("the algorithm in the certificate is not the key's")
        if statement.issuer != self._issuer.subject:
            raise refused("the issuer is not the subject of the key's certificate")
        if statement.subject == self._issuer.subject:
            raise refused("the subject is the issuer itself")
        self._check_validity(statement, now)
        self._check_extensions(statement.extensions)

    def _check_validity(self, statement: CertificateStatement, now: dt.datetime) -> None:
        begin, end, issuer = statement.not_before, statement.not_after, self._issuer
        if end < begin:
            raise refused("the certificate ends before it begins")
        if end <= now:
            raise refused("the certificate is over before it is signed")
        if end > issuer.not_after:
            raise refused("the certificate outlives its issuer")
        if begin < issuer.not_before - BACKDATE:
            raise refused("the certificate begins long before its issuer")
        # What is set back for slow clocks does not lengthen what is left of its life
        if end - max(begin, now) > self._rules.max_validity:
            raise refused(
                f"valid until {end}, the most is {format_duration(self._rules.max_validity)}"
            )

    def _check_extensions(self, extensions: Collection[bytes]) -> None:
        try:
            kinds = [self._judge(extension) for extension in extensions]
        except ValueError as error:
            raise malformed(f"an extension cannot be read: {error}") from None
        if len(set(kinds)) != len(kinds):
            raise refused("an extension stands there twice")
        if self._authority_key_identifier not in extensions:
            raise refused("the authority key identifier is not the issuer's")
        if self._rules.require_extended_key_usage and _EXTENDED_KEY_USAGE not in kinds:
            raise refused("the certificate does not say what its key may be used for")

    def _judge_extension(self, extension: bytes) -> bytes:
        """The kind of one extension that may stand in a leaf. Raises :func:`refused`."""
        kind, *critical, octets = der.split(der.content(extension))
        if kind in _NEVER:
            raise refused(f"{_NEVER[kind]} is not for certificates that services issue")
        if critical == [_CRITICAL] and kind not in self._critical:
            raise refused(f"a critical extension not known here: {der.dotted(der.content(kind))}")
        check = self._checks.get(kind)
        if check is not None:
            check(der.content(octets))
        return kind

    @staticmethod
    def _check_basic_constraints(value: bytes) -> None:
        if value != _NOT_CA:
            raise refused("a CA certificate")

    @staticmethod
    def _check_key_usage(value: bytes) -> None:
        bits = der.only(value, der.BIT_STRING).content
        if len(bits) < 2 or bits[1] & _SIGNS_CERTIFICATES_OR_CRLS:
            raise refused("a key usage of nothing, or that signs certificates or CRLs")

    def _check_usages(self, value: bytes) -> None:
        usages = {der.dotted(der.content(usage)) for usage in der.split(der.only(value).content)}
        if not usages or not usages <= self._rules.extended_key_usages - NEVER_USAGES:
            raise refused(f"extended key usages {sorted(usages)} that the key may not give")
