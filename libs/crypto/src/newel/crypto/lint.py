"""The blocking linter: what breaks RFC 5280 or RFC 6960 is not signed.

The rules are in :mod:`newel.crypto.lints`; a rule's name is its function's, its text the docstring.
Only a linter makes the ``Linted…`` values, so that code which takes one cannot be handed bytes that
nobody looked at.
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

CERTIFICATE_RULES: tuple[CertificateRule, ...] = (
    *certificate_fields.RULES,
    *certificate_extensions.RULES,
    *certificate_names.RULES,
    *certificate_authority.RULES,
)

_UNPARSABLE = "does_not_parse"
_SEAL = object()

Subject = TypeVar("Subject")


class LintError(ValueError):
    """What was linted breaks rules; ``rules`` are their names, at least one."""

    def __init__(self, rules: tuple[str, ...], detail: str = "") -> None:
        super().__init__(
            f"refused by the linter: {', '.join(rules)}{': ' if detail else ''}{detail}"
        )
        self.rules = rules


@dataclass(frozen=True, slots=True)
class _Linted:
    tbs: bytes
    _seal: Any

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the linter makes linted values")


class LintedCertificate(_Linted):
    """A TBSCertificate that obeys every rule."""

    __slots__ = ()


class LintedList(_Linted):
    """A TBSCertList that obeys every rule."""

    __slots__ = ()


class LintedResponse(_Linted):
    """A ResponseData that obeys every rule."""

    __slots__ = ()


class CertificateLinter:
    """Lints the certificates of one issuer; of None: self-signed ones.

    Raises ``ValueError`` for an issuer that is no authority.
    """

    def __init__(self, issuer: x509.Certificate | None) -> None:
        self._issuer = None if issuer is None else Issuer.of(issuer)

    def lint(self, tbs: bytes) -> LintedCertificate:
        """The TBSCertificate, linted. Raises :class:`LintError` with every rule it breaks."""
        _apply(CERTIFICATE_RULES, lambda: CertificateSubject(tbs, self._issuer))
        return LintedCertificate(tbs, _SEAL)


class ListLinter:
    """Lints the revocation lists of one issuer."""

    def __init__(self, issuer: x509.Certificate) -> None:
        self._issuer = Issuer.of(issuer)

    def lint(self, tbs: bytes) -> LintedList:
        """The TBSCertList, linted. Raises :class:`LintError` with every rule it breaks."""
        _apply(lists.RULES, lambda: ListSubject(tbs, self._issuer))
        return LintedList(tbs, _SEAL)


class ResponseLinter:
    """Lints the OCSP responses of one responder."""

    def __init__(self, responder: x509.Certificate) -> None:
        self._key_hash = keys.key_identifier(certificate.subject_public_key_info(responder))

    def lint(self, response_data: bytes) -> LintedResponse:
        """The ResponseData, linted. Raises :class:`LintError` with every rule it breaks."""
        _apply(responses.RULES, lambda: ResponseSubject(response_data, self._key_hash))
        return LintedResponse(response_data, _SEAL)


def _apply(rules: Iterable[Callable[[Subject], bool]], parse: Callable[[], Subject]) -> None:
    """What the parser says of hostile octets goes into the refusal; it holds no secret."""
    try:
        subject = parse()
        broken = [rule for rule in rules if not rule(subject)]
    except (ValueError, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise LintError((_UNPARSABLE,), str(error)) from None
    if broken:
        raise LintError(tuple(rule.__name__ for rule in broken))
