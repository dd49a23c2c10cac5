"""The linter: structures that break RFC 5280 or RFC 6960 are not signed.

The lints are in :mod:`newel.crypto.lints`; the name of a lint is that of its function, its rule the
docstring. Only a linter makes the ``Linted…`` values, so code that takes one cannot be given octets
that were not linted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography import x509

from newel.crypto import certificate, keys
from newel.crypto.lints import (
    certificate_authority,
    certificate_extensions,
    certificate_fields,
    certificate_names,
    lists,
    responses,
)
from newel.crypto.lints.lists import ListSubject
from newel.crypto.lints.responses import ResponseSubject
from newel.crypto.lints.subject import CertificateRule, CertificateSubject, Issuer

# Certificates of one issuer and one shape get the same verdicts from these.
_SHAPE_RULES: tuple[CertificateRule, ...] = (
    *certificate_extensions.RULES,
    *certificate_authority.RULES,
)
_OTHER_RULES: tuple[CertificateRule, ...] = (*certificate_fields.RULES, *certificate_names.RULES)

CERTIFICATE_RULES: tuple[CertificateRule, ...] = (*_OTHER_RULES, *_SHAPE_RULES)

_MOST_SHAPES = 1024

_UNPARSABLE = "e_not_parsable"
_PARSING = (ValueError, x509.DuplicateExtension)
_SEAL = object()

Subject = TypeVar("Subject")


class LintError(ValueError):
    """Rules are broken; ``rules`` are the names of the lints, at least one."""

    def __init__(self, rules: tuple[str, ...], detail: str = "") -> None:
        super().__init__(
            f"refused by the linter: {', '.join(rules)}{': ' if detail else ''}{detail}"
        )
        self.rules = rules


@dataclass(frozen=True, slots=True)
class _LintSubject:
    tbs: bytes
    _seal: Any

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the linter makes linted values")


class LintedCertificate(_LintSubject):
    """A TBSCertificate that passed every lint."""

    __slots__ = ()


class LintedList(_LintSubject):
    """A TBSCertList that passed every lint."""

    __slots__ = ()


class LintedResponse(_LintSubject):
    """A ResponseData that passed every lint."""

    __slots__ = ()


class CertificateLinter:
    """A linter of the certificates of one issuer, or for None of self-signed ones.

    Raises ``ValueError`` for an issuer that is not a CA.
    """

    def __init__(self, issuer: x509.Certificate | None) -> None:
        self._issuer = None if issuer is None else Issuer.of(issuer)
        self._good_shapes: set[tuple[bytes, ...]] = set()

    def lint(self, tbs: bytes) -> LintedCertificate:
        """Lint a TBSCertificate. Raises :class:`LintError` with every rule it breaks.

        Lints that depend on the shape alone are skipped for a shape that has passed: that is most of the
        work, and nearly every leaf has the shape of the one before.
        """
        subject = _parse(lambda: CertificateSubject(tbs, self._issuer))
        known = subject.shape in self._good_shapes
        _apply(_OTHER_RULES if known else CERTIFICATE_RULES, subject)
        if not known and self._issuer is not None:
            if len(self._good_shapes) >= _MOST_SHAPES:
                self._good_shapes.clear()
            self._good_shapes.add(subject.shape)
        return LintedCertificate(tbs, _SEAL)


class ListLinter:
    """A linter of the revocation lists of one issuer."""

    def __init__(self, issuer: x509.Certificate) -> None:
        self._issuer = Issuer.of(issuer)

    def lint(self, tbs: bytes) -> LintedList:
        """Lint a TBSCertList. Raises :class:`LintError` with every rule it breaks."""
        _apply(lists.RULES, _parse(lambda: ListSubject(tbs, self._issuer)))
        return LintedList(tbs, _SEAL)


class ResponseLinter:
    """A linter of the OCSP responses of one responder."""

    def __init__(self, responder: x509.Certificate) -> None:
        self._key_hash = keys.key_identifier(certificate.subject_public_key_info(responder))

    def lint(self, response_data: bytes) -> LintedResponse:
        """Lint a ResponseData. Raises :class:`LintError` with every rule it breaks."""
        _apply(responses.RULES, _parse(lambda: ResponseSubject(response_data, self._key_hash)))
        return LintedResponse(response_data, _SEAL)


def _parse(parse: Callable[[], Subject]) -> Subject:
    """Parse, or raise :class:`LintError` with the text of the parser, which holds no secret."""
    try:
        return parse()
    except _PARSING as error:
        raise LintError((_UNPARSABLE,), str(error)) from None


def _apply(rules: Iterable[Callable[[Subject], bool]], subject: Subject) -> None:
    try:
        broken = [rule for rule in rules if not rule(subject)]
    except _PARSING as error:
        raise LintError((_UNPARSABLE,), str(error)) from None
    if broken:
        raise LintError(tuple(rule.__name__ for rule in broken))
