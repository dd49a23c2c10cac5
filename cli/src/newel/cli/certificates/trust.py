"""Whether a certificate chains to a root now: RFC 5280 §6 for any purpose, with the sentences Go has.

The path search, authority by authority: names chain, key identifiers agree, the authority is valid, may
sign certificates, leaves room for those below, its key made the signature, and the names at the end lie
within its constraints. Bounds on depth and signatures keep hostile bundles from costing time.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

from newel.cli.certificates.issuers import subject_key_id
from newel.cli.certificates.short import key_name
from newel.cli.certificates.signatures import made_by
from newel.cli.errors import CliError
from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader import names
from newel.crypto.reader.certificates import Certificate

MOST_AUTHORITIES = 10
MOST_SIGNATURES = 100
UNKNOWN = "x509: certificate signed by unknown authority"
_HANDLED = {
    oids.KEY_USAGE, oids.SUBJECT_ALT_NAME, oids.BASIC_CONSTRAINTS, oids.NAME_CONSTRAINTS,
    oids.EXTENDED_KEY_USAGE, oids.CERTIFICATE_POLICIES, oids.CRL_DISTRIBUTION_POINTS,
    oids.AUTHORITY_KEY_IDENTIFIER, oids.SUBJECT_KEY_IDENTIFIER,
}  # fmt: skip
_FAILURES = {"RSA": "crypto/rsa: verification error"}


class TrustError(CliError):
    """The certificate is not trusted; the sentence says why, as Go's x509 package would."""


def chain_of(
    leaf: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate], at: dt.datetime
) -> list[Certificate]:
    """The certificates from ``leaf`` to a root at the aware time ``at``. Raises TrustError."""
    check_itself(leaf, at)
    if any(leaf.der == root.der for root in roots):
        return [leaf]
    search = _Search(others, roots, at)
    for chain in search.from_path([leaf]):
        return chain
    raise TrustError(search.problem or UNKNOWN + search.hint)


def check_itself(one: Certificate, at: dt.datetime) -> None:
    """Validity, and nothing critical that is not known here."""
    if any(each.critical and each.oid not in _HANDLED for each in one.extensions):
        raise TrustError("x509: unhandled critical extension")
    said = "x509: certificate has expired or is not yet valid: current time"
    shown = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    if at < one.not_before:
        raise TrustError(f"{said} {shown} is before {one.not_before:%Y-%m-%dT%H:%M:%SZ}")
    if at > one.not_after:
        raise TrustError(f"{said} {shown} is after {one.not_after:%Y-%m-%dT%H:%M:%SZ}")


class _Search:
    """The search for a path, with what it has left to spend and why it failed."""

    def __init__(
        self, others: Sequence[Certificate], roots: Sequence[Certificate], at: dt.datetime
    ) -> None:
        self._roots, self._others, self._at = roots, others, at
        self._signatures = MOST_SIGNATURES
        self.problem = self.hint = ""

    def from_path(self, path: list[Certificate]) -> Iterator[list[Certificate]]:
        """Every path that goes on from this one to a root, roots first."""
        for candidate, is_root in self._candidates(path):
            if not self._signed(path[-1], candidate):
                continue
            try:
                check_itself(candidate, self._at)
                check_authority(candidate, path, is_root=is_root)
            except TrustError as error:
                self.problem = str(error)
                continue
            if is_root:
                yield [*path, candidate]
            elif len(path) <= MOST_AUTHORITIES:
                yield from self.from_path([*path, candidate])

    def _candidates(self, path: list[Certificate]) -> list[tuple[Certificate, bool]]:
        """Whose name fits; those whose key identifier fits too come first, and roots before others."""
        below = path[-1]
        fitting = [
            (candidate, is_root)
            for pool, is_root in ((self._roots, True), (self._others, False))
            for candidate in pool
            if candidate.subject == below.issuer and all(candidate.der != each.der for each in path)
        ]
        return sorted(fitting, key=lambda found: not identifiers_agree(found[0], below))

    def _signed(self, below: Certificate, candidate: Certificate) -> bool:
        self._signatures -= 1
        if self._signatures < 0:
            raise TrustError("x509: signature check attempts limit reached while verifying chain")
        if made_by(below, candidate):
            return True
        if not self.hint:
            kind = key_name(candidate.spki).split()[0]
            cause = _FAILURES.get(kind, f"x509: {kind} verification failure")
            name = names.common_name(candidate.subject)
            self.hint = (
                f' (possibly because of "{cause}" while trying to verify candidate '
                f'authority certificate "{name}")'
            )
        return False


def identifiers_agree(authority: Certificate, below: Certificate) -> bool:
    """Whether the key identifiers, where both have one, are the same."""
    value = below.extension(oids.AUTHORITY_KEY_IDENTIFIER)
    try:
        wanted = values.authority_key_id(value) if value is not None else b""
    except der.DerError:
        return False
    own = subject_key_id(authority)
    return not wanted or not own or wanted == own


def check_authority(authority: Certificate, path: list[Certificate], *, is_root: bool) -> None:
    """May sign certificates, has room for the path, and these names."""
    value = authority.extension(oids.BASIC_CONSTRAINTS)
    allowed, room = values.basic_constraints(value) if value is not None else (False, None)
    usage = authority.extension(oids.KEY_USAGE)
    signs = usage is None or values.may_sign_certificates(usage)
    if not (allowed or (is_root and authority.version < 3)) or not signs:
        raise TrustError("x509: certificate is not authorized to sign other certificates")
    if room is not None and room < len(path) - 1:
        raise TrustError("x509: too many intermediates for path length constraint")
    if authority.extension(oids.NAME_CONSTRAINTS) is not None:
        check_constraints(authority, path)


def check_constraints(authority: Certificate, path: list[Certificate]) -> None:
    """The names of all below the authority lie within its constraints."""
    from newel.crypto import distinguished_names, loading, name_constraints, names
    from newel.crypto.dns_names import InvalidNameError, NameRules

    rules = NameRules(underscores=True)
    try:
        found = name_constraints.name_constraints(loading.load_certificate(authority.der))
        for below in path if found else []:
            value = below.extension(oids.SUBJECT_ALT_NAME)
            listed = der.children(der.only(value).content) if value is not None else []
            general = [names.from_der(each.tag, each.content, rules) for each in listed]
            if found:
                found.check(general, distinguished_names.decode(below.subject))
    except (name_constraints.ConstraintError, InvalidNameError, ValueError) as error:
        raise TrustError(
            "x509: a root or intermediate certificate is not authorized to sign for this name: "
            f"{error}"
        ) from None


def system_roots() -> list[Certificate]:
    """The certificates this system trusts."""
    import ssl

    from newel.cli.certificates.sources import parsed

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    found = [parsed(one, "system roots") for one in context.get_ca_certs(binary_form=True)]
    paths = ssl.get_default_verify_paths()
    if not found and paths.cafile:
        from newel.cli.certificates.sources import from_file

        return from_file(paths.cafile)
    return found
