"""Reads an issuer's files, as its operator has them, into a chain that may issue."""

import logging
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509

from newel.crypto import authority_chain, certificate, certificate_files, loading
from newel.crypto.authority_chain import Chain, name_of
from newel.crypto.distinguished_names import EMPTY
from newel.crypto.name_constraints import ConstraintError, NameConstraints, name_constraints
from newel.crypto.pem import PEMError
from newel.runtime.config import ConfigError

_log = logging.getLogger("newel.issuing")


class UnusableIssuerError(ConfigError):
    """The service must not start with this issuer; the text says why and what to do."""


def read_chain(file: Path, root_files: Iterable[Path]) -> Chain:
    """Read the chain in ``file`` and its root from ``root_files``, and check that they may issue.

    Raises :class:`UnusableIssuerError`.
    """
    given = _read(file)
    roots = [der for each in root_files for der in _read(each)]
    try:
        chain = authority_chain.find_chain(given, roots)
    except ValueError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None
    for each in chain.unused:
        _log.warning(
            "%s: %s does not belong to the issuer's chain and is ignored", file, name_of(each)
        )
    _check_authorities(file, (*chain.certificates, chain.root))
    return chain


def may_sign_crls(authority: x509.Certificate) -> bool:
    """Whether a CA's key may sign CRLs: absent key usage allows any use (RFC 5280 §4.2.1.3)."""
    usage = _extension(authority, x509.KeyUsage)
    return not isinstance(usage, x509.KeyUsage) or usage.crl_sign


def read_constraints(file: Path, chain: Chain) -> tuple[NameConstraints, ...]:
    """Read the name constraints of every certificate up to the root that has some."""
    try:
        found = [name_constraints(each) for each in (*chain.certificates, chain.root)]
    except ConstraintError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None
    return tuple(each for each in found if each is not None)


def first_to_expire(chain: Chain) -> x509.Certificate:
    """Return the certificate of the chain, or its root, that expires first."""
    return min((*chain.certificates, chain.root), key=lambda each: each.not_valid_after_utc)


def _check_authorities(file: Path, path: tuple[x509.Certificate, ...]) -> None:
    """Check that each is a CA that may sign certificates, and that no path length is exceeded."""
    for below, authority in enumerate(path):
        try:
            basic = _extension(authority, x509.BasicConstraints)
            usage = _extension(authority, x509.KeyUsage)
        except loading.CertificateError as error:
            raise UnusableIssuerError(f"{file}: {name_of(authority)}: {error}") from None
        if certificate.issuer_name(authority) == EMPTY:
            raise UnusableIssuerError(f"{file}: an authority's certificate has no name, as it must")
        if authority is path[-1] and authority.version is x509.Version.v1:
            continue  # a root of version 1 has no extensions: it is trusted as it is
        if not isinstance(basic, x509.BasicConstraints) or not basic.ca:
            raise UnusableIssuerError(f"{file}: {name_of(authority)} is not a CA's certificate")
        if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
            raise UnusableIssuerError(
                f"{file}: {name_of(authority)} may not sign certificates (its key usage)"
            )
        if basic.path_length is not None and basic.path_length < below:
            raise UnusableIssuerError(
                f"{file}: the path length of {name_of(authority)} is exceeded"
            )


def _extension(
    authority: x509.Certificate, kind: type[x509.ExtensionType]
) -> x509.ExtensionType | None:
    for extension in loading.read_extensions(authority):
        if isinstance(extension.value, kind):
            return extension.value
    return None


def _read(file: Path) -> list[bytes]:
    try:
        return certificate_files.read_certificates(file)
    except OSError as error:
        raise UnusableIssuerError(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except PEMError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None
