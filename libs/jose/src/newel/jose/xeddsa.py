"""XEdDSA: signatures by X25519 keys, verified (Signal's specification, revision 1, §2 and §3).

Hosts of a Nebula network have no other keys. A Montgomery u-coordinate stands for one Edwards point of
sign 0, under which the signature is one of Ed25519 (RFC 8032).
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

ALGORITHM = "XEdDSA"
"""The name that step gives to it in the header of a JWS."""

_P = 2**255 - 19
_ORDER_8 = 0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0
_ALSO_ORDER_8 = 0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _ALSO_ORDER_8})
"""Points of small order, under which any client can sign (RFC 7748 §7)."""


def verify(key: X25519PublicKey, signature: bytes, message: bytes) -> None:
    """Return if the signature over the message is this key's.

    Raises ``cryptography.exceptions.InvalidSignature`` for any other, and for every signature under a
    key of small order.
    """
    _to_ed25519(key.public_bytes_raw()).verify(signature, message)


def _to_ed25519(public: bytes) -> Ed25519PublicKey:
    """Convert u to y = (u - 1) / (u + 1), with the sign 0."""
    u = (int.from_bytes(public, "little") & (1 << 255) - 1) % _P
    if u in _SMALL_ORDER:
        raise InvalidSignature
    y = (u - 1) * pow(u + 1, -1, _P) % _P
    return Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))
