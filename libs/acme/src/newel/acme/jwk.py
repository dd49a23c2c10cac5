"""Public keys as JSON Web Keys (RFC 7517, 7518 §6, 8037) and their thumbprints (RFC 7638)."""

import hashlib

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newel.acme import base64url
from newel.acme.problems import AcmeError

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_CURVE_NAMES = {curve.name: name for name, curve in CURVES.items()}

RSA_BITS = range(2048, 8193)
RSA_EXPONENTS = range(65537, 1 << 32)


class Jwk(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=False):
    """The members of a public key; any private or symmetric member present makes it unusable."""

    kty: str
    crv: str | None = None
    e: str | None = None
    n: str | None = None
    x: str | None = None
    y: str | None = None
    alg: str | None = None
    d: str | None = None
    k: str | None = None


def public_key(jwk: Jwk) -> PublicKey:
    """The key. ``badPublicKey`` for kinds, curves, sizes and points that are not acceptable."""
    if jwk.d is not None or jwk.k is not None:
        raise AcmeError("badPublicKey", "the jwk holds a private or symmetric key")
    try:
        if jwk.kty == "EC":
            return _elliptic(jwk)
        if jwk.kty == "RSA":
            return _rsa(jwk)
        if jwk.kty == "OKP" and jwk.crv == "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(_member(jwk.x, "x"))
    except ValueError as error:
        raise AcmeError("badPublicKey", "the jwk is not a valid public key") from error
    raise AcmeError("badPublicKey", "the key type of the jwk is not supported")


def required_members(key: PublicKey) -> dict[str, str]:
    """The required members of a key's JWK, in the order RFC 7638 hashes them."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = _CURVE_NAMES.get(key.curve.name)
        if name is None:
            raise AcmeError("badPublicKey", "the curve is not supported")
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        half = len(point) // 2
        x, y = base64url.encode(point[:half]), base64url.encode(point[half:])
        return {"crv": name, "kty": "EC", "x": x, "y": y}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"e": _unsigned(numbers.e), "kty": "RSA", "n": _unsigned(numbers.n)}
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(raw)}


def thumbprint(key: PublicKey) -> bytes:
    """SHA-256 over the canonical JWK (RFC 7638), 32 octets.

    It is computed from the key, not from the text received, so that one key has one thumbprint.
    """
    return hashlib.sha256(msgspec.json.encode(required_members(key))).digest()


def _elliptic(jwk: Jwk) -> PublicKey:
    curve = CURVES.get(jwk.crv or "")
    if curve is None:
        raise AcmeError("badPublicKey", "the curve of the jwk is not supported")
    size = (curve.key_size + 7) // 8
    x, y = _member(jwk.x, "x"), _member(jwk.y, "y")
    if len(x) != size or len(y) != size:  # RFC 7518 §6.2.1.2: full length, leading zeros kept
        raise AcmeError("badPublicKey", "a coordinate of the jwk has the wrong length")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _rsa(jwk: Jwk) -> PublicKey:
    modulus = int.from_bytes(_member(jwk.n, "n"), "big")
    exponent = int.from_bytes(_member(jwk.e, "e"), "big")
    if modulus.bit_length() not in RSA_BITS:
        raise AcmeError("badPublicKey", "RSA keys have 2048 to 8192 bits here")
    if exponent not in RSA_EXPONENTS or not exponent & 1:
        raise AcmeError("badPublicKey", "the RSA exponent is not acceptable")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _member(value: str | None, name: str) -> bytes:
    if value is None:
        raise AcmeError("malformed", f"the jwk lacks its member {name}")
    if len(value) > 2048:
        raise AcmeError("badPublicKey", f"the jwk's member {name} is too long")
    return base64url.decode(value, f"jwk member {name}")


def _unsigned(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
