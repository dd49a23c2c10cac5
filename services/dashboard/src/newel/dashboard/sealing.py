"""Delegations at rest: sealed by the secret of a link or session, which the database does not have."""

from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from newel.runtime.entropy import random_bytes

_KEY_SIZE, _NONCE_SIZE = 32, 12
_decoder = msgspec.json.Decoder(dict[str, str])


def seal(secret: str, delegations: Mapping[str, str]) -> bytes | None:
    """Encrypt delegations by AES-256-GCM under a key derived from the secret; None where there are none."""
    if not delegations:
        return None
    nonce = random_bytes(_NONCE_SIZE)
    return nonce + _cipher(secret).encrypt(nonce, msgspec.json.encode(dict(delegations)), None)


def unseal(secret: str, sealed: bytes | None) -> dict[str, str]:
    """Return what was sealed under this secret. Raises ValueError for what was changed since."""
    if sealed is None:
        return {}
    try:
        text = _cipher(secret).decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], None)
    except InvalidTag as error:
        raise ValueError("the sealed delegations were changed") from error
    return _decoder.decode(text)


def _cipher(secret: str) -> AESGCM:
    """Derive the key (RFC 5869); the secret is random, so that it needs no salt."""
    derive = HKDF(hashes.SHA256(), _KEY_SIZE, salt=None, info=b"newel dashboard delegations")
    return AESGCM(derive.derive(secret.encode()))
