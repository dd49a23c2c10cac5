"""JWK sets (RFC 7517 §5) of identity providers: the keys that verify their tokens."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from newel.crypto.keys import PublicKey
from newel.jose import jwk, jws
from newel.jose.errors import InvalidSignatureError, JOSEError
from newel.registration.errors import unauthorized_error
from newel.step.tokens import Token, UnverifiedToken

MAX_KEYS = 200
"""Keys in one set; a larger set is refused as a whole."""

_SIGNATURE = frozenset({None, "", "sig"})


class VerificationKey(NamedTuple):
    """A public key, and the one algorithm it is published for."""

    key: PublicKey
    algorithm: str
    """``""``: every algorithm of the key's kind."""


class KeySet:
    """An immutable set of public keys, found by their id."""

    def __init__(self, keys: Sequence[tuple[str, VerificationKey]]) -> None:
        self._by_id: dict[str, list[VerificationKey]] = {}
        for key_id, key in keys:
            self._by_id.setdefault(key_id, []).append(key)
        # a token may leave out the id where there is nothing to choose (OpenID Connect Core §10.1)
        if len(keys) == 1:
            self._by_id[""] = [keys[0][1]]
        self.size = len(keys)

    def has(self, key_id: str) -> bool:
        """Tell whether the set has a key of this id."""
        return key_id in self._by_id

    def verify(self, token: UnverifiedToken) -> Token:
        """Verify a token by the key that its header names. Raises ``unauthorized``.

        Several keys may share an id; the token's algorithm has to be the one of the key.
        """
        header = token.header
        for key, algorithm in self._by_id.get(header.kid or "", ()):
            if algorithm and algorithm != header.alg:
                continue
            try:
                return token.verify(key)
            except InvalidSignatureError:
                continue
        if not self.has(header.kid or ""):
            raise unauthorized_error(f"the key set has no key {(header.kid or '')[:128]!r}")
        raise unauthorized_error("the token's signature is none of the key set's")


class _Document(msgspec.Struct):
    keys: list[msgspec.Raw]


class _Purpose(msgspec.Struct):
    """What a key is for, by either of two members (RFC 7517 §4.2 and §4.3)."""

    use: str | None = None
    key_ops: list[str] | None = None

    @property
    def is_verification(self) -> bool:
        return self.use in _SIGNATURE and (self.key_ops is None or "verify" in self.key_ops)


_document = msgspec.json.Decoder(_Document)
_purpose = msgspec.json.Decoder(_Purpose)
_jwk = msgspec.json.Decoder(jwk.JWK)


def parse_key_set(data: bytes) -> KeySet:
    """Parse a JWK set from JSON.

    Keys that cannot verify are passed over, as RFC 7517 §5 asks: those for encryption, of unknown kinds
    and too short ones; private and symmetric keys too, which a provider must not publish. Raises
    ValueError for what is no set, for one of more than MAX_KEYS and for one that leaves no key.
    """
    try:
        raw = _document.decode(data).keys
    except (ValueError, RecursionError):
        raise ValueError("the key set is not a JWK set") from None
    if len(raw) > MAX_KEYS:
        raise ValueError(f"the key set has {len(raw)} keys, more than {MAX_KEYS}")
    usable = [found for each in raw if (found := _read(bytes(each))) is not None]
    if not usable:
        raise ValueError("the key set has no key that verifies signatures")
    return KeySet(usable)


def _read(data: bytes) -> tuple[str, VerificationKey] | None:
    """Read one key; None for one that verifies no signature."""
    try:
        own = _jwk.decode(data)
        if own.is_private or not _purpose.decode(data).is_verification:
            return None
        key = jws.require_verifying_key(jwk.to_public_key(own))
    except (JOSEError, ValueError, RecursionError):
        return None
    if own.alg and own.alg not in jws.algorithms_for(key):
        return None
    return own.kid or "", VerificationKey(key, own.alg or "")
