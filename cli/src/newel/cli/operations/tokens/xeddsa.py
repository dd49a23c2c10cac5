"""XEdDSA signatures by X25519 keys (Signal's specification, revision 1, §2 to §4), on libsodium.

Hosts of a Nebula network have no other keys. A verifier converts the public key to Ed25519
(RFC 8032) and needs nothing of this module.
"""

import hashlib

from nacl.bindings import (
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_negate,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)

_PREFIX = b"\xfe" + b"\xff" * 31
_SIGN = 0x80


def sign(private: bytes, message: bytes, random: bytes) -> bytes:
    """Sign with the 32 octets of an X25519 key and 64 fresh random octets; 64 octets."""
    if len(private) != 32 or len(random) != 64:
        raise ValueError("an X25519 key has 32 octets, and 64 random ones are needed")
    clamped = bytes([private[0] & 248, *private[1:31], private[31] & 127 | 64])  # RFC 7748 §5
    scalar = crypto_core_ed25519_scalar_reduce(clamped + bytes(32))
    public = bytearray(crypto_scalarmult_ed25519_base_noclamp(scalar))
    if public[31] & _SIGN:  # the sign of the public key is always 0: negate the private one
        public[31] &= ~_SIGN
        scalar = crypto_core_ed25519_scalar_negate(scalar)
    nonce = _hash_to_scalar(_PREFIX, scalar, message, random)
    point = crypto_scalarmult_ed25519_base_noclamp(nonce)
    product = crypto_core_ed25519_scalar_mul(_hash_to_scalar(point, bytes(public), message), scalar)
    return point + crypto_core_ed25519_scalar_add(nonce, product)


def _hash_to_scalar(*parts: bytes) -> bytes:
    return crypto_core_ed25519_scalar_reduce(hashlib.sha512(b"".join(parts)).digest())
