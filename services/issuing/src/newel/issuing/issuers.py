"""The issuers: CA certificates whose keys the signer holds, checked before the first certificate."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import certificate_files, keys, loading, names, pem
from newel.crypto.certificate import subject_public_key_info
from newel.crypto.distinguished_names import Attribute
from newel.crypto.name_constraints import ConstraintError, NameConstraints, name_constraints
from newel.issuing.config import IssuerConfig
from newel.runtime.config import ConfigError
from newel.runtime.errors import ErrorType, NewelError


class UnusableIssuerError(ConfigError):
    """The service must not start with this issuer; the text says why and what to do."""


class PublicKeys(Protocol):
    """What the signer says about its keys."""

    async def public_key(self, key: str) -> tuple[bytes, bytes]:
        """A key's SubjectPublicKeyInfo and signature AlgorithmIdentifier, both DER."""
        ...


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer as it was found good at start."""

    id: str  # the first 16 hex digits of SHA-256 of its certificate
    key: str  # the signer's name for its key
    chain: tuple[bytes, ...]  # DER: itself first, up to but not including the root
    root: bytes
    active: bool
    public_key: keys.PublicKey
    algorithm: bytes  # the DER AlgorithmIdentifier it signs with
    room: int  # octets a signature of its key takes at most
    not_before: dt.datetime
    not_after: dt.datetime
    parsed: x509.Certificate
    constraints: tuple[
        NameConstraints, ...
    ]  # of each certificate of the chain that has some, and the root's

    @property
    def certificate(self) -> bytes:
        """The issuer's own certificate, DER."""
        return self.chain[0]

    def check_names(
        self, general_names: Sequence[names.GeneralName], subject: Sequence[Attribute]
    ) -> None:
        """Raises ``rejectedIdentifier`` for a name that the chain's name constraints forbid."""
        for constraints in self.constraints:
            try:
                constraints.check(general_names, subject)
            except ConstraintError as error:
                raise NewelError(ErrorType.REJECTED_IDENTIFIER, str(error)) from None

    def verify(self, signature: bytes, tbs: bytes) -> None:
        """Raises :class:`newel.crypto.keys.InvalidSignature` unless this issuer's key made it."""
        keys.verify(self.public_key, signature, tbs)


class Issuers:
    """Every configured issuer, by id."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._by_id = {issuer.id: issuer for issuer in issuers}

    def all(self) -> Sequence[Issuer]:
        """In the order of the configuration."""
        return list(self._by_id.values())

    def get(self, id: str) -> Issuer | None:  # noqa: A002 - the contract's name
        """The issuer with this id, if it is configured."""
        return self._by_id.get(id)

    def issuing(self, now: dt.datetime) -> Issuer:
        """The first active issuer that is valid now. Raises ``unavailable`` when there is none."""
        for issuer in self._by_id.values():
            if issuer.active and issuer.not_before <= now < issuer.not_after:
                return issuer
        raise NewelError(
            ErrorType.UNAVAILABLE,
            "no issuer can issue at this time",
            cause="every active issuer is expired or not yet valid",
        )


def read_issuers(configs: Iterable[IssuerConfig]) -> Issuers:
    """Every issuer from its files. Raises :class:`UnusableIssuerError`."""
    return Issuers([read_issuer(config) for config in configs])


async def check_keys(issuers: Issuers, signer: PublicKeys) -> None:
    """Holds each issuer's certificate against the signer's key. Raises :class:`UnusableIssuerError`."""
    for issuer in issuers.all():
        spki, algorithm = await signer.public_key(issuer.key)
        if spki != keys.spki(issuer.public_key):
            raise UnusableIssuerError(
                f"the signer's key {issuer.key!r} is not the key of the issuer {issuer.id}: nothing it"
                " signed would verify"
            )
        if algorithm != issuer.algorithm:
            raise UnusableIssuerError(
                f"the signer's key {issuer.key!r} signs with another algorithm than expected"
            )


def read_issuer(config: IssuerConfig) -> Issuer:
    """One issuer from its files, its chain verified up to the root. Raises :class:`UnusableIssuerError`."""
    chain = _certificates(config.certificate_file)
    certificates = [_parse(config.certificate_file, der) for der in chain]
    root = _root_of(certificates[-1], config.root_file)
    _check_chain(config.certificate_file, [*certificates, root])
    own = certificates[0]
    public_key = _public_key(config.certificate_file, own)
    return Issuer(
        id=hashlib.sha256(chain[0]).hexdigest()[:16],
        key=config.key,
        chain=tuple(chain),
        root=root.public_bytes(Encoding.DER),
        active=config.active,
        public_key=public_key,
        algorithm=keys.signature_algorithm(public_key),
        room=_signature_room(public_key),
        not_before=max(each.not_valid_before_utc for each in [*certificates, root]),
        not_after=min(each.not_valid_after_utc for each in [*certificates, root]),
        parsed=own,
        constraints=_constraints(config.certificate_file, [*certificates, root]),
    )


def _root_of(top: x509.Certificate, files: Path | tuple[Path, ...]) -> x509.Certificate:
    """The root that issued the end of a chain; the first one where none did."""
    roots = [
        _parse(file, der)
        for file in (files if isinstance(files, tuple) else (files,))
        for der in _certificates(file)
    ]
    return loading.find_issuer(top, roots) or roots[0]


def _check_chain(file: Path, path: Sequence[x509.Certificate]) -> None:
    """Each signed by the next, each a CA that may sign certificates, no path length exceeded."""
    for below, certificate in enumerate(path):
        parent = path[min(below + 1, len(path) - 1)]
        try:
            certificate.verify_directly_issued_by(parent)
        except Exception as error:
            raise UnusableIssuerError(
                f"{file}: {certificate.subject.rfc4514_string()} was not issued by"
                f" {parent.subject.rfc4514_string()}"
            ) from error
        try:
            extensions = loading.read_extensions(certificate)
            basic = extensions.get_extension_for_class(x509.BasicConstraints).value
            usage = extensions.get_extension_for_class(x509.KeyUsage).value
        except loading.CertificateError as error:
            raise UnusableIssuerError(f"{file}: {error}") from error
        except x509.ExtensionNotFound as error:
            raise UnusableIssuerError(
                f"{file}: a certificate of the chain is not a CA's"
            ) from error
        if not basic.ca or not usage.key_cert_sign:
            raise UnusableIssuerError(
                f"{file}: a certificate of the chain may not sign certificates"
            )
        if basic.path_length is not None and basic.path_length < below:
            raise UnusableIssuerError(f"{file}: a path length in the chain is exceeded")


def _certificates(file: Path) -> list[bytes]:
    try:
        return certificate_files.read_certificates(file)
    except OSError as error:
        raise UnusableIssuerError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    except pem.PemError as error:
        raise UnusableIssuerError(f"{file}: {error}") from error


def _parse(file: Path, der: bytes) -> x509.Certificate:
    try:
        return loading.load_certificate(der)
    except ValueError as error:
        raise UnusableIssuerError(f"{file}: not a certificate") from error


def _public_key(file: Path, certificate: x509.Certificate) -> keys.PublicKey:
    try:
        return keys.load_public_key(subject_public_key_info(certificate))
    except keys.InvalidKeyError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None


def _signature_room(public_key: keys.PublicKey) -> int:
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        # ECDSA-Sig-Value: two integers with their tags, lengths and sign octets, in a sequence
        return 2 * (public_key.key_size // 8 + 4) + 3
    return public_key.key_size // 8 if isinstance(public_key, rsa.RSAPublicKey) else 64


def _constraints(file: Path, chain: Sequence[x509.Certificate]) -> tuple[NameConstraints, ...]:
    try:
        found = [name_constraints(each) for each in chain]
    except ConstraintError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None
    return tuple(each for each in found if each is not None)
