"""The chains that certificates are handed out with: the issuer's own, and others of its key (RFC 8555 §7.4.2)."""

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import certificate, certificate_files, loading, pem
from newel.crypto.authority_chain import ChainError, find_chain, name_of
from newel.crypto.pem import PEMError
from newel.registration.issuance import Issuance
from newel.runtime.config import ConfigError
from newel.runtime.errors import ErrorType, NewelError

_log = logging.getLogger("newel.registration.acme")


OWN = ""
"""The name of an issuer's own chain."""
_NAME_LENGTH = 16


class Chain(NamedTuple):
    """A chain to be handed out. Its name stays the same whichever others there are."""

    name: str
    """The beginning of the SHA-256 of the PEM, or ``""`` for the issuer's own."""
    pem: bytes


class AlternateChain(NamedTuple):
    """A chain of a file, whose first certificate has the name and key of an issuer."""

    file: Path
    holder: x509.Certificate
    pem: bytes
    """The chain without its root."""
    not_before: dt.datetime
    not_after: dt.datetime
    """The time in which the chain and its root are all valid."""

    @property
    def chain(self) -> Chain:
        """The chain, named by its content."""
        return Chain(hashlib.sha256(self.pem).hexdigest()[:_NAME_LENGTH], self.pem)

    def is_of(self, issuer: x509.Certificate) -> bool:
        """Tell whether it verifies what this issuer signed."""
        return certificate.issuer_name(self.holder) == certificate.issuer_name(
            issuer
        ) and certificate.subject_public_key_info(
            self.holder
        ) == certificate.subject_public_key_info(issuer)

    def is_valid(self, now: dt.datetime) -> bool:
        """Tell whether all of its certificates are valid."""
        return self.not_before <= now < self.not_after


def read_alternates(files: Iterable[Path]) -> tuple[AlternateChain, ...]:
    """Read the files of alternate chains. Raises ConfigError for one that holds no chain with its root."""
    return tuple(map(_read, files))


class ChainCache:
    """The chains by issuer, as PEM, kept until ``clear``, which a changed trust calls.

    An issuer's own certificate never changes, its id being its digest; those above it may.
    """

    def __init__(self, issuance: Issuance, alternates: Sequence[AlternateChain] = ()) -> None:
        self._issuance = issuance
        self._alternates = alternates
        self._pem: dict[str, bytes] = {}
        self._others: dict[str, list[AlternateChain]] = {}

    def clear(self) -> None:
        """Forget every chain; the next request asks the issuing authority."""
        self._pem.clear()

    async def list(self, issuer: str, now: dt.datetime) -> Sequence[Chain]:
        """Return the chains of an issuer, its own first: its certificate and those above, without the root."""
        if issuer not in self._pem:
            await self._load()
        found = self._pem.get(issuer)
        if found is None:
            raise NewelError(ErrorType.SERVER_INTERNAL, "", cause=f"no issuer {issuer!r}")
        others = self._others.get(issuer)
        own = Chain(OWN, found)
        if not others:
            return (own,)
        return (own, *(each.chain for each in others if each.is_valid(now)))

    async def _load(self) -> None:
        used: set[Path] = set()
        for each in await self._issuance.issuers():
            self._pem[each.id] = b"".join(map(pem.encode, each.chain))
            if not self._alternates:
                continue
            own = loading.load_certificate(each.chain[0])
            self._others[each.id] = [other for other in self._alternates if other.is_of(own)]
            used.update(other.file for other in self._others[each.id])
        for other in self._alternates:
            if other.file not in used:
                _log.error(
                    "%s is not offered: no issuer has the name and key of %s",
                    other.file,
                    name_of(other.holder),
                )


def _read(file: Path) -> AlternateChain:
    try:
        given = certificate_files.read_certificates(file)
        chain = find_chain(given, given)
    except OSError as error:
        raise _unusable(file, (error.strerror or str(error)).lower()) from None
    except ChainError as error:
        detail = f"{error} (the file has the chain from the issuer's certificate up to its root)"
        raise _unusable(file, detail) from None
    except (PEMError, ValueError) as error:
        raise _unusable(file, str(error)) from None
    if chain.unused:
        raise _unusable(file, f"{name_of(chain.unused[0])} does not belong to the chain")
    path = (*chain.certificates, chain.root)
    for each in chain.certificates:
        if not _is_authority(each):
            raise _unusable(file, f"{name_of(each)} is not a CA's certificate")
    return AlternateChain(
        file,
        path[0],
        b"".join(pem.encode(each.public_bytes(Encoding.DER)) for each in chain.certificates),
        max(each.not_valid_before_utc for each in path),
        min(each.not_valid_after_utc for each in path),
    )


def _is_authority(held: x509.Certificate) -> bool:
    values = [each.value for each in loading.read_extensions(held)]
    return any(isinstance(each, x509.BasicConstraints) and each.ca for each in values)


def _unusable(file: Path, why: str) -> ConfigError:
    return ConfigError(f"acme.alternate_chains: {file}: {why}")
