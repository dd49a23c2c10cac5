"""The SSH issuers: keys of the signer that certify users, or hosts."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.issuing.config import SSHIssuerConfig
from newel.runtime.errors import ErrorType, NewelError

PublicKey: TypeAlias = Callable[[str], Awaitable[tuple[bytes, bytes]]]
"""Returns the SubjectPublicKeyInfo and signature AlgorithmIdentifier of a named key, both DER."""

_SIGNATURE_OVERHEAD = 64
"""Octets of lengths, of the algorithm's name and of signs, at most."""


class SSHIssuer(NamedTuple):
    """One issuer: the key of the signer that signs, and what it certifies."""

    id: str
    key: str  # the signer's name for its key
    type: Literal["user", "host"]
    active: bool
    public_key: keys.PublicKey
    wire: bytes  # the public key as SSH writes it
    config: SSHIssuerConfig
    max_signature_size: int


class SSHIssuers:
    """Every configured SSH issuer, by id; none before :meth:`load`."""

    def __init__(self, configs: Sequence[SSHIssuerConfig]) -> None:
        self._configs = configs
        self._by_id: dict[str, SSHIssuer] = {}

    async def load(self, public_key: PublicKey) -> None:
        """Ask the signer for the public keys. Raises NewelError."""
        for config in self._configs:
            spki, _ = await public_key(config.key)
            issuer = _issuer(config, keys.load_public_key(spki))
            self._by_id[issuer.id] = issuer

    def all(self) -> Sequence[SSHIssuer]:
        """Return them in the order of the configuration."""
        return list(self._by_id.values())

    def get(self, id: str) -> SSHIssuer | None:  # noqa: A002 - the contract's name
        """Return the issuer with this id, if it is configured."""
        return self._by_id.get(id)

    def select(self, type: str) -> SSHIssuer:  # noqa: A002 - OpenSSH's word
        """Return the first active issuer of a type. Raises ``notImplemented`` where there is none."""
        for issuer in self._by_id.values():
            if issuer.active and issuer.type == type:
                return issuer
        raise NewelError(
            ErrorType.NOT_IMPLEMENTED, f"this authority has no key for SSH certificates of a {type}"
        )


def _issuer(config: SSHIssuerConfig, public_key: keys.PublicKey) -> SSHIssuer:
    wire = wire_of(public_key)
    return SSHIssuer(
        id=f"ssh-{hashlib.sha256(wire).hexdigest()[:32]}",
        key=config.key,
        type=config.type,
        active=config.active,
        public_key=public_key,
        wire=wire,
        config=config,
        # a signature is no longer than twice the key's coordinates or its modulus
        max_signature_size=len(wire) + _SIGNATURE_OVERHEAD,
    )
