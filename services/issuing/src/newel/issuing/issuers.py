"""The issuers: CA certificates whose keys the signer holds, checked before they issue anything."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import keys, names
from newel.crypto.authority_chain import name_of
from newel.crypto.certificate import issuer_id, subject_public_key_info
from newel.crypto.distinguished_names import Attribute
from newel.crypto.name_constraints import ConstraintError, NameConstraints
from newel.issuing.config import IssuerConfig
from newel.issuing.issuer_files import (
    UnusableIssuerError,
    first_to_expire,
    may_sign_crls,
    read_chain,
    read_constraints,
)
from newel.runtime.errors import ErrorType, NewelError

PublicKey: TypeAlias = Callable[[str], Awaitable[tuple[bytes, bytes]]]
"""Returns the SubjectPublicKeyInfo and signature AlgorithmIdentifier of a named key, both DER."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer, checked at start."""

    id: str  # see newel.crypto.certificate.issuer_id
    key: str  # the signer's name for its key
    chain: tuple[bytes, ...]  # DER: itself first, up to but not including the root
    root: bytes
    active: bool
    public_key: keys.PublicKey
    algorithm: bytes  # the DER AlgorithmIdentifier it signs with
    max_signature_size: int  # octets
    not_before: dt.datetime
    not_after: dt.datetime
    first_to_expire: str  # whose notAfter that is: its own certificate's, or of one above it
    signs_crls: bool  # whether there are CRLs that its certificates can point to
    parsed: x509.Certificate
    constraints: tuple[NameConstraints, ...]  # of every certificate up to the root that has some

    @property
    def certificate(self) -> bytes:
        """The issuer's own certificate, DER."""
        return self.chain[0]

    def check_names(
        self, general_names: Sequence[names.GeneralName], subject: Sequence[Attribute]
    ) -> None:
        """Raise ``rejectedIdentifier`` for a name that the chain's name constraints forbid."""
        for constraints in self.constraints:
            try:
                constraints.check(general_names, subject)
            except ConstraintError as error:
                raise NewelError(ErrorType.REJECTED_IDENTIFIER, str(error)) from None

    def verify(self, signature: bytes, tbs: bytes) -> None:
        """Raise :class:`newel.crypto.keys.InvalidSignature` unless this issuer's key made it."""
        keys.verify(self.public_key, signature, tbs)


class Issuers:
    """Every configured issuer, by id."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._by_id = {issuer.id: issuer for issuer in issuers}

    def all(self) -> Sequence[Issuer]:
        """Return them in the order of the configuration."""
        return list(self._by_id.values())

    def get(self, id: str) -> Issuer | None:  # noqa: A002 - the contract's name
        """Return the issuer with this id, if it is configured."""
        return self._by_id.get(id)

    def select(self, now: dt.datetime) -> Issuer:
        """Return the first active issuer that is valid now. Raises ``unavailable`` if none is."""
        for issuer in self._by_id.values():
            if issuer.active and issuer.not_before <= now < issuer.not_after:
                return issuer
        raise NewelError(
            ErrorType.UNAVAILABLE,
            "no issuer can issue at this time",
            cause="; ".join(describe_validity(each) for each in self.all() if each.active),
        )


def describe_validity(issuer: Issuer) -> str:
    """Say in one line for logs when an issuer can issue."""
    return (
        f"the issuer {issuer.id} can issue from {issuer.not_before:%Y-%m-%d %H:%M} to"
        f" {issuer.not_after:%Y-%m-%d %H:%M} UTC, when the certificate of {issuer.first_to_expire} expires"
    )


def read_issuers(configs: Iterable[IssuerConfig]) -> Issuers:
    """Read every issuer from its files. Raises :class:`UnusableIssuerError`."""
    return Issuers([read_issuer(config) for config in configs])


async def check_keys(issuers: Issuers, public_key: PublicKey) -> None:
    """Compare each issuer's key with the signer's. Raises :class:`UnusableIssuerError`."""
    for issuer in issuers.all():
        spki, algorithm = await public_key(issuer.key)
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
    """Read one issuer and verify its chain up to the root. Raises :class:`UnusableIssuerError`."""
    file = config.certificate_file
    roots = config.root_file if isinstance(config.root_file, tuple) else (config.root_file,)
    chain = read_chain(file, roots)
    own = chain.certificates[0]
    path = (*chain.certificates, chain.root)
    ders = tuple(each.public_bytes(Encoding.DER) for each in path)
    public_key = _public_key(file, own)
    last = first_to_expire(chain)
    return Issuer(
        id=issuer_id(ders[0]),
        key=config.key,
        chain=ders[:-1],
        root=ders[-1],
        active=config.active,
        public_key=public_key,
        algorithm=keys.signature_algorithm(public_key),
        max_signature_size=_max_signature_size(public_key),
        not_before=max(each.not_valid_before_utc for each in path),
        not_after=last.not_valid_after_utc,
        first_to_expire=name_of(last),
        signs_crls=may_sign_crls(own),
        parsed=own,
        constraints=read_constraints(file, chain),
    )


def _public_key(file: Path, certificate: x509.Certificate) -> keys.PublicKey:
    try:
        return keys.load_public_key(subject_public_key_info(certificate))
    except keys.InvalidKeyError as error:
        raise UnusableIssuerError(f"{file}: {error}") from None


def _max_signature_size(public_key: keys.PublicKey) -> int:
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        # ECDSA-Sig-Value: two integers with their tags, lengths and sign octets, in a sequence
        return 2 * (public_key.key_size // 8 + 4) + 3
    return public_key.key_size // 8 if isinstance(public_key, rsa.RSAPublicKey) else 64
