"""XEdDSA: signatures by keys that were made for X25519 (Signal's specification, revision 1, §2 to §4).

Nebula's hosts have no others. Whoever verifies turns the public key into one of Ed25519 (RFC 8032) and needs
nothing of this module. Python's integers take longer for some keys than for others: for a person's command,
which signs once, never for a service that signs for whoever asks.
"""

import hashlib

Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T of the twisted Edwards curve (RFC 8032 §5.1.4)."""

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Y = 4 * pow(5, -1, _P) % _P
_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE: Point = (_X, _Y, 1, _X * _Y % _P)
_NEUTRAL: Point = (0, 1, 1, 0)
_PREFIX = b"\xfe" + b"\xff" * 31
_SIGN = 0x80


def sign(private: bytes, message: bytes, random: bytes) -> bytes:
    """The 64 octets of a signature by 32 octets of an X25519 key; ``random`` are 64 fresh octets."""
    if len(private) != 32 or len(random) != 64:
        raise ValueError("an X25519 key has 32 octets, and 64 random ones are needed")
    scalar = int.from_bytes(_clamped(private), "little")
    public = bytearray(_encoded(_times(scalar)))
    if public[31] & _SIGN:  # the public key's sign is always 0: the private one takes it over
        public[31] &= ~_SIGN
        scalar = -scalar % _ORDER
    scalar %= _ORDER
    nonce = _hashed(_PREFIX, scalar.to_bytes(32, "little"), message, random)
    point = _encoded(_times(nonce))
    proof = (nonce + _hashed(point, bytes(public), message) * scalar) % _ORDER
    return point + proof.to_bytes(32, "little")


def _clamped(private: bytes) -> bytes:
    """The scalar of an X25519 key (RFC 7748 §5)."""
    return bytes([private[0] & 248, *private[1:31], private[31] & 127 | 64])


def _hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % _ORDER


def _times(scalar: int) -> Point:
    """The base point so many times."""
    total, point = _NEUTRAL, _BASE
    while scalar:
        if scalar & 1:
            total = _sum(total, point)
        point = _sum(point, point)
        scalar >>= 1
    return total


def _sum(one: Point, other: Point) -> Point:
    """Complete addition: the same formula doubles (RFC 8032 §5.1.4)."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encoded(point: Point) -> bytes:
    """Y with the sign of X in its last bit (RFC 8032 §5.1.2)."""
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")
