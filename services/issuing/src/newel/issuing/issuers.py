"""The issuers: CA certificates whose keys the signer holds, checked before the first certificate."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
    first_to_end,
    read_chain,
    read_constraints,
    signs_lists,
)
from newel.runtime.errors import ErrorType, NewelError


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
    first_to_end: str  # whose end that is: its own certificate's, or of one above it
    signs_lists: bool  # whether there are CRLs that its certificates can point to
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
            cause="; ".join(map(describe_end, filter(lambda each: each.active, self.all()))),
        )


def describe_end(issuer: Issuer) -> str:
    """When an issuer can issue, in one line for logs."""
    return (
        f"the issuer {issuer.id} can issue from {issuer.not_before:%Y-%m-%d %H:%M} to"
        f" {issuer.not_after:%Y-%m-%d %H:%M} UTC, when the certificate of {issuer.first_to_end} expires"
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
    file = config.certificate_file
    roots = config.root_file if isinstance(config.root_file, tuple) else (config.root_file,)
    chain = read_chain(file, roots)
    own = chain.certificates[0]
    path = (*chain.certificates, chain.root)
    ders = tuple(each.public_bytes(Encoding.DER) for each in path)
    public_key = _public_key(file, own)
    last = first_to_end(chain)
    return Issuer(
        id=issuer_id(ders[0]),
        key=config.key,
        chain=ders[:-1],
        root=ders[-1],
        active=config.active,
        public_key=public_key,
        algorithm=keys.signature_algorithm(public_key),
        room=_signature_room(public_key),
        not_before=max(each.not_valid_before_utc for each in path),
        not_after=last.not_valid_after_utc,
        first_to_end=name_of(last),
        signs_lists=signs_lists(own),
        parsed=own,
        constraints=read_constraints(file, chain),
    )


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
