"""Certification path validation (RFC 5280 §6) for any purpose, without policies.

A path is found issuer by issuer, depth first: the names chain, the key identifiers agree, the
issuer is valid, may sign certificates and has path length left, its key made the signature, and the
names below lie within its name constraints. Bounds on depth and signatures limit what a hostile
bundle can cost. Signatures are the library's work; docs/decisions/0014 says why the path is not.
"""

import datetime as dt
import enum
import functools
from collections.abc import Iterator, Sequence

from newel.crypto import der, distinguished_names, loading, name_constraints, names, oids
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Certificate

MAX_INTERMEDIATES = 10
MAX_SIGNATURES = 100
_UNDERSTOOD = frozenset(
    {
        oids.KEY_USAGE,
        oids.SUBJECT_ALT_NAME,
        oids.BASIC_CONSTRAINTS,
        oids.NAME_CONSTRAINTS,
        oids.EXTENDED_KEY_USAGE,
        oids.CERTIFICATE_POLICIES,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.SUBJECT_KEY_IDENTIFIER,
    }
)
_NAME_RULES = NameRules(underscores=True)


class Reason(enum.StrEnum):
    """Why a certificate does not chain to a root."""

    UNHANDLED_CRITICAL_EXTENSION = "an extension is critical and not understood"
    NOT_YET_VALID = "the certificate is not valid yet"
    EXPIRED = "the certificate has expired"
    NOT_A_CA = "the issuer may not sign certificates"
    PATH_TOO_LONG = "the path length constraint of the issuer is exceeded"
    NAME_NOT_PERMITTED = "a name lies outside the name constraints of the issuer"
    TOO_MANY_SIGNATURES = "there are too many ways to build a path"
    NO_ISSUER = "no issuer of the certificate is known"


class PathError(ValueError):
    """There is no valid path; ``certificate`` is the one that failed, or failed to sign."""

    def __init__(
        self, reason: Reason, certificate: Certificate | None = None, detail: str = ""
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.certificate = certificate
        self.detail = detail


def find_path(
    leaf: Certificate,
    intermediates: Sequence[Certificate],
    roots: Sequence[Certificate],
    at: dt.datetime,
) -> list[Certificate]:
    """Find the certificates from ``leaf`` to one of ``roots``, all valid at the aware time ``at``.

    A leaf that is itself one of the roots is its own path. Raises :class:`PathError`.
    """
    check_validity(leaf, at)
    if any(leaf.der == root.der for root in roots):
        return [leaf]
    search = _Search(intermediates, roots, at)
    for path in search.extend([leaf]):
        return path
    raise search.problem or PathError(Reason.NO_ISSUER, search.wrong_key)


def check_validity(certificate: Certificate, at: dt.datetime) -> None:
    """Refuse a certificate that is not valid at ``at``, or has a critical extension unknown here."""
    if any(each.critical and each.oid not in _UNDERSTOOD for each in certificate.extensions):
        raise PathError(Reason.UNHANDLED_CRITICAL_EXTENSION, certificate)
    if at < certificate.not_before:
        raise PathError(Reason.NOT_YET_VALID, certificate)
    if at > certificate.not_after:
        raise PathError(Reason.EXPIRED, certificate)


class _Search:
    """A search for paths: its budget, and the first or last failure to report."""

    def __init__(
        self, intermediates: Sequence[Certificate], roots: Sequence[Certificate], at: dt.datetime
    ) -> None:
        self._intermediates, self._roots, self._at = intermediates, roots, at
        self._signatures = MAX_SIGNATURES
        self.problem: PathError | None = None
        self.wrong_key: Certificate | None = None

    def extend(self, path: list[Certificate]) -> Iterator[list[Certificate]]:
        """Yield every path that continues this one to a root, roots tried first."""
        for candidate, is_root in self._candidates(path):
            if not self._verify_signature(path, candidate):
                continue
            try:
                check_validity(candidate, self._at)
                _check_issuer(candidate, path, is_root=is_root)
            except PathError as error:
                self.problem = error
                continue
            if is_root:
                yield [*path, candidate]
            elif len(path) <= MAX_INTERMEDIATES:
                yield from self.extend([*path, candidate])

    def _candidates(self, path: list[Certificate]) -> list[tuple[Certificate, bool]]:
        """List the certificates with the issuer's name, those with its key identifier first."""
        below = path[-1]
        fitting = [
            (candidate, is_root)
            for pool, is_root in ((self._roots, True), (self._intermediates, False))
            for candidate in pool
            if candidate.subject == below.issuer and all(candidate.der != each.der for each in path)
        ]
        return sorted(fitting, key=lambda found: not _identifiers_agree(found[0], below))

    def _verify_signature(self, path: list[Certificate], candidate: Certificate) -> bool:
        self._signatures -= 1
        if self._signatures < 0:
            raise PathError(Reason.TOO_MANY_SIGNATURES)
        # the same intermediates come with every leaf below them, and few leaves come twice
        verify = _is_issued_by if len(path) > 1 else loading.is_der_issued_by
        if verify(path[-1].der, candidate.der):
            return True
        self.wrong_key = self.wrong_key or candidate
        return False


@functools.lru_cache(maxsize=256)
def _is_issued_by(below: bytes, candidate: bytes) -> bool:
    """Verify the signature of an intermediate, once for as long as it is in use."""
    return loading.is_der_issued_by(below, candidate)


def _identifiers_agree(issuer: Certificate, below: Certificate) -> bool:
    wanted = below.extension(oids.AUTHORITY_KEY_IDENTIFIER)
    own = issuer.extension(oids.SUBJECT_KEY_IDENTIFIER)
    if wanted is None or own is None:
        return True
    try:
        key_id = values.authority_key_id(wanted)
        return not key_id or key_id == der.only(own, der.OCTET_STRING).content
    except der.DERError:
        return False


def _check_issuer(issuer: Certificate, path: list[Certificate], *, is_root: bool) -> None:
    """Check that an issuer is a CA with keyCertSign, path length left, and constraints that all names meet."""
    basic = issuer.extension(oids.BASIC_CONSTRAINTS)
    usage = issuer.extension(oids.KEY_USAGE)
    try:
        is_ca, path_length = values.basic_constraints(basic) if basic is not None else (False, None)
        signs = usage is None or values.may_sign_certificates(usage)
    except der.DERError as error:
        raise PathError(Reason.NOT_A_CA, issuer, str(error)) from None
    is_old_root = is_root and issuer.version < 3  # no extensions existed yet: trusted as it is
    if not (is_ca or is_old_root) or not signs:
        raise PathError(Reason.NOT_A_CA, issuer)
    if path_length is not None and path_length < len(path) - 1:
        raise PathError(Reason.PATH_TOO_LONG, issuer)
    if issuer.extension(oids.NAME_CONSTRAINTS) is not None:
        _check_names(issuer, path)


def _check_names(issuer: Certificate, path: list[Certificate]) -> None:
    try:
        found = name_constraints.name_constraints(loading.load_certificate(issuer.der))
        for below in path if found else []:
            value = below.extension(oids.SUBJECT_ALT_NAME)
            listed = der.children(der.only(value).content) if value is not None else []
            general = [
                names.from_certificate(each.tag, each.content, _NAME_RULES) for each in listed
            ]
            if found:
                found.check(general, distinguished_names.decode(below.subject))
    except (name_constraints.ConstraintError, InvalidNameError, ValueError) as error:
        raise PathError(Reason.NAME_NOT_PERMITTED, issuer, str(error)) from None
