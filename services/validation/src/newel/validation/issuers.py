"""The issuers whose certificates' status is served here, and how requests name them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from newel.crypto import certificate_files, keys, loading
from newel.crypto.authority_chain import own_certificate
from newel.crypto.certificate import issuer_id, subject_public_key_info
from newel.crypto.lint import ListLinter
from newel.crypto.ocsp import CertID, issuer_hashes
from newel.validation.config import IssuerConfig
from newel.validation.delegation import Delegation

_log = logging.getLogger("newel.validation.issuers")


class UnusableIssuerError(ValueError):
    """The service must not start with this issuer; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Issuer:
    """One issuer."""

    id: str  # see newel.crypto.certificate.issuer_id
    certificate: x509.Certificate
    der: bytes
    not_after: int  # seconds since 1970
    active: bool
    signs_crls: bool  # whether its key may sign CRLs: if not, everything else is served
    crl_key: str  # the signer's name for its key
    public_key: keys.PublicKey
    crl_url: str  # for the IssuingDistributionPoint of its complete CRL; "" for none
    crl_linter: ListLinter
    delegation: Delegation  # signs OCSP responses for it


class Issuers:
    """Every configured issuer. Immutable."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._all = tuple(issuers)
        self._by_hashes = {
            hashes: issuer for issuer in issuers for hashes in issuer_hashes(issuer.certificate)
        }

    def __iter__(self) -> Iterator[Issuer]:
        return iter(self._all)

    def find(self, cert_id: CertID) -> Issuer | None:
        """Find the issuer whose name *and* key a CertID hashes, by any hash algorithm."""
        return self._by_hashes.get(cert_id.issuer)

    @property
    def active(self) -> Issuer:
        """The issuer that a path without an issuer refers to: the first active one, else the first."""
        return next((one for one in self._all if one.active), self._all[0])


def load_issuers(configs: Sequence[IssuerConfig], *, extended_revoke: bool = False) -> Issuers:
    """Read the issuers' files. Raises :class:`UnusableIssuerError`.

    ``extended_revoke``: see :class:`newel.crypto.ocsp.ResponseEncoder`.
    """
    return Issuers([_load(config, extended_revoke=extended_revoke) for config in configs])


def _load(config: IssuerConfig, *, extended_revoke: bool) -> Issuer:
    file = config.certificate_file
    try:
        der = own_certificate(certificate_files.read_certificates(file))
        certificate = loading.load_certificate(der)
        linter = ListLinter(certificate)
    except (OSError, ValueError) as error:
        raise UnusableIssuerError(f"{file}: {error}") from error
    may_sign_crls = _may_sign_crls(file, certificate)
    if config.active:
        _warn_without_crl(file, certificate)
    identifier = issuer_id(der)
    return Issuer(
        id=identifier,
        certificate=certificate,
        der=der,
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        active=config.active,
        signs_crls=may_sign_crls,
        crl_key=config.crl_key,
        public_key=keys.load_public_key(subject_public_key_info(certificate)),
        crl_url=config.crl_url.replace("{issuer}", identifier),
        crl_linter=linter,
        delegation=Delegation(config, certificate, extended_revoke=extended_revoke),
    )


def _may_sign_crls(file: Path, certificate: x509.Certificate) -> bool:
    try:
        extensions = loading.read_extensions(certificate)
    except loading.CertificateError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None
    for extension in extensions:
        if isinstance(extension.value, x509.KeyUsage) and not extension.value.crl_sign:
            _log.warning(
                "%s: the key of this certificate may not sign CRLs (its key usage), so none are published:"
                " relying parties learn of revocations by OCSP alone",
                file,
            )
            return False
    return True  # RFC 5280 §4.2.1.3: without the extension any use is allowed


def _warn_without_crl(file: Path, certificate: x509.Certificate) -> None:
    """Warn of an issuer's certificate whose status relying parties cannot find."""
    if not any(
        isinstance(each.value, x509.CRLDistributionPoints)
        for each in loading.read_extensions(certificate)
    ):
        _log.warning(
            "%s: the certificate names no CRL: relying parties that look for its status there, Java by"
            " default, refuse what it issues; a new intermediate helps (docs/runbooks/key-ceremony.md)",
            file,
        )
