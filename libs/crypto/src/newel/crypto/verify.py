"""A small path validator: RFC 5280 §6 for the chains a private authority meets.

EC, RSA and Ed25519 keys; at most five certificates above the leaf; no policies. Stricter than the
RFC where that is simpler: self-issued authorities count as any other, an authority with an extended
key usage limits what is below it, and anything critical that is not known here refuses.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from newel.crypto import certificate, der, distinguished_names, extensions, names
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.crypto.extensions import Extension
from newel.crypto.name_constraints import ConstraintError, name_constraints

MAX_AUTHORITIES = 5
_MAX_SIGNATURES = 50

_KNOWN = frozenset(
    {
        extensions.KEY_USAGE,
        extensions.EXTENDED_KEY_USAGE,
        extensions.SUBJECT_ALT_NAME,
        extensions.BASIC_CONSTRAINTS,
        extensions.NAME_CONSTRAINTS,
    }
)
_WEAK_HASHES = (hashes.MD5, hashes.SHA1, hashes.SHA224)
_Value = TypeVar("_Value", bound=x509.ExtensionType)
_LENIENT = NameRules(underscores=True)


class ChainError(ValueError):
    """The certificate does not chain to a root at that time; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """A leaf and the authorities above it, its issuer first, a root last."""

    leaf: x509.Certificate
    authorities: tuple[x509.Certificate, ...]


class _Parsed:
    """A certificate with what the walk asks of it, taken apart once."""

    def __init__(self, parsed: x509.Certificate) -> None:
        try:
            self.certificate = parsed
            self.extensions = certificate.extensions_of(parsed)
            self.subject = certificate.issuer_name(parsed)
            self.issuer = certificate.issuer_of(parsed)
            library = parsed.extensions
        except (ValueError, x509.DuplicateExtension) as error:
            raise ChainError(f"a certificate cannot be read: {error}") from None
        self.basic = _value(library, x509.BasicConstraints)
        self.usage = _value(library, x509.KeyUsage)
        self.purposes = _value(library, x509.ExtendedKeyUsage)
        self.authority_key = _value(library, x509.AuthorityKeyIdentifier)
        self.own_key = _value(library, x509.SubjectKeyIdentifier)

    @property
    def label(self) -> str:
        return self.certificate.subject.rfc4514_string() or f"{self.certificate.serial_number:x}"


def verify_chain(
    leaf: x509.Certificate,
    intermediates: Iterable[x509.Certificate],
    roots: Iterable[x509.Certificate],
    at: dt.datetime,
    purpose: str | None = extensions.CLIENT_AUTH,
    *,
    expired_leaf: bool = False,
) -> VerifiedChain:
    """A valid path from ``leaf`` to one of ``roots`` at the aware time ``at``.

    1. the leaf: no authority, for ``purpose`` (an object identifier; None: any), within its validity
       unless ``expired_leaf`` lets its end pass; 2. upwards by name and key identifier, depth first,
    with a bound on depth and on signatures checked; 3. each authority: valid, cA, keyCertSign, room
    in its path length, purpose not narrowed away, signature right; 4. names within the constraints
    of every authority. Raises :class:`ChainError`.
    """
    start = _Parsed(leaf)
    _check_leaf(start, at, purpose, expired=expired_leaf)
    walk = _Walk([*map(_Parsed, intermediates)], [*map(_Parsed, roots)], at, purpose)
    for path in walk.paths([start]):
        authorities = tuple(each.certificate for each in path[1:])
        try:
            _check_names(path)
        except (ConstraintError, InvalidNameError, der.DerError) as error:
            walk.problem = str(error)
            continue
        return VerifiedChain(leaf, authorities)
    raise ChainError(walk.problem)


class _Walk:
    """The search for paths, with what it has left to spend and why it failed last."""

    def __init__(
        self,
        intermediates: Sequence[_Parsed],
        roots: Sequence[_Parsed],
        at: dt.datetime,
        purpose: str | None,
    ) -> None:
        self._roots = roots
        self._pool = (*roots, *intermediates)
        self._at = at
        self._purpose = purpose
        self._signatures = _MAX_SIGNATURES
        self.problem = "no issuer of the certificate is known"

    def paths(self, path: list[_Parsed]) -> Iterator[list[_Parsed]]:
        """Every path that goes on from this one to a root, roots tried first."""
        below = path[-1]
        for candidate in self._pool:
            if candidate in path or not _may_have_issued(candidate, below):
                continue
            try:
                self._check_authority(candidate, below, len(path) - 1)
            except ChainError as error:
                self.problem = str(error)
                continue
            longer = [*path, candidate]
            if candidate in self._roots:
                yield longer
            elif len(longer) <= MAX_AUTHORITIES:
                yield from self.paths(longer)

    def _check_authority(self, authority: _Parsed, below: _Parsed, authorities_below: int) -> None:
        who = authority.label
        _check_time(authority, self._at)
        _check_critical(authority)
        if authority.basic is None or not authority.basic.ca:
            raise ChainError(f"{who} is no authority")
        if authority.usage is not None and not authority.usage.key_cert_sign:
            raise ChainError(f"{who} may not sign certificates")
        room = authority.basic.path_length
        if room is not None and authorities_below > room:
            raise ChainError(f"there are too many authorities below {who}")
        _check_purpose(authority, self._purpose)
        if not self._signatures:
            raise ChainError("there are too many ways to build a chain")
        self._signatures -= 1
        _check_signature(below.certificate, authority.certificate)


def _check_leaf(leaf: _Parsed, at: dt.datetime, purpose: str | None, *, expired: bool) -> None:
    if leaf.basic is not None and leaf.basic.ca:
        raise ChainError(f"{leaf.label} is an authority where a leaf is due")
    _check_time(leaf, min(at, leaf.certificate.not_valid_after_utc) if expired else at)
    _check_critical(leaf)
    _check_purpose(leaf, purpose)


def _check_time(parsed: _Parsed, at: dt.datetime) -> None:
    if at < parsed.certificate.not_valid_before_utc:
        raise ChainError(f"{parsed.label} is not valid yet")
    if at > parsed.certificate.not_valid_after_utc:
        raise ChainError(f"{parsed.label} has expired")


def _check_critical(parsed: _Parsed) -> None:
    for extension in parsed.extensions.values():
        if extension.critical and extension.oid not in _KNOWN:
            raise ChainError(f"{parsed.label} has the unknown critical {extension.oid}")


def _check_purpose(parsed: _Parsed, purpose: str | None) -> None:
    if purpose is None or parsed.purposes is None:
        return
    allowed = {each.dotted_string for each in parsed.purposes}
    if allowed.isdisjoint({purpose, extensions.ANY_EXTENDED_KEY_USAGE}):
        raise ChainError(f"{parsed.label} is not for the purpose {purpose}")


def _may_have_issued(authority: _Parsed, below: _Parsed) -> bool:
    """Names chain octet by octet, and key identifiers agree where both sides have one."""
    if authority.subject != below.issuer:
        return False
    wanted = below.authority_key.key_identifier if below.authority_key else None
    return wanted is None or authority.own_key is None or authority.own_key.digest == wanted


def _check_signature(below: x509.Certificate, authority: x509.Certificate) -> None:
    try:
        if isinstance(below.signature_hash_algorithm, _WEAK_HASHES):
            raise ChainError("a signature in the chain uses a weak hash")
        below.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
        if isinstance(error, ChainError):
            raise
        raise ChainError("a signature in the chain does not verify") from None


def _check_names(path: Sequence[_Parsed]) -> None:
    """Every certificate below an authority lies within that authority's constraints."""
    for index, authority in enumerate(path):
        constraints = name_constraints(authority.certificate) if index else None
        if constraints is None:
            continue
        for below in path[:index]:
            subject = distinguished_names.decode(below.subject)
            constraints.check(_general_names(below.extensions), subject)


def _general_names(found: dict[str, Extension]) -> list[names.GeneralName]:
    extension = found.get(extensions.SUBJECT_ALT_NAME)
    if extension is None:
        return []
    return [
        names.from_der(each.tag, each.content, _LENIENT)
        for each in der.children(der.only(extension.value).content)
    ]


def _value(found: x509.Extensions, kind: type[_Value]) -> _Value | None:
    try:
        return found.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
