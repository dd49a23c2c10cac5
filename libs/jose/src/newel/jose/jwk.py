"""JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037) to and from the cryptography library's keys."""

import hashlib

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import base64url
from newel.jose.errors import InvalidKeyError, JOSEError, MalformedError

_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_CURVE_NAMES = {curve.name: name for name, curve in _CURVES.items()}
_ALGORITHMS = {
    "P-256": "ES256",
    "P-384": "ES384",
    "P-521": "ES512",
    "Ed25519": "EdDSA",
    "RSA": "RS256",
}
_REQUIRED = {  # RFC 7638 §3.2, in the order in which they are hashed
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
    "oct": ("k", "kty"),
}
_MAX_MODULUS = 16_384  # bits
_MAX_EXPONENT = 8  # characters of base64url


class JWK(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """A key, its members in the order in which the step tools write them.

    An absent member is None. ``d`` and the members after it are private, and so is ``k``.
    """

    use: str | None = None
    kty: str
    kid: str | None = None
    crv: str | None = None
    alg: str | None = None
    k: str | None = None
    x: str | None = None
    y: str | None = None
    n: str | None = None
    e: str | None = None
    d: str | None = None
    p: str | None = None
    q: str | None = None
    dp: str | None = None
    dq: str | None = None
    qi: str | None = None

    def __repr__(self) -> str:
        return f"JWK(kty={self.kty!r}, crv={self.crv!r}, kid={self.kid!r})"

    @property
    def is_private(self) -> bool:
        """Whether it holds a private or a symmetric key."""
        return self.d is not None or self.k is not None

    def without_private_members(self) -> "JWK":
        """Return the public half."""
        return msgspec.structs.replace(
            self, k=None, d=None, p=None, q=None, dp=None, dq=None, qi=None
        )

    def thumbprint(self) -> bytes:
        """Return the SHA-256 thumbprint of the members as they are written (RFC 7638)."""
        names = _REQUIRED.get(self.kty)
        if names is None:
            raise InvalidKeyError(f"no thumbprint for key type {self.kty[:16]!r}")
        return _hash({name: _require(getattr(self, name), name) for name in names})


def to_public_key(jwk: JWK) -> PublicKey:
    """Return the public key.

    Raises InvalidKeyError for other kinds, bad points and huge keys, MalformedError for members
    that are missing or not base64url.
    """
    try:
        if jwk.kty == "EC":
            return _to_elliptic_key(jwk)
        if jwk.kty == "RSA":
            return _to_rsa_key(jwk)
        if jwk.kty == "OKP" and jwk.crv == "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(_decode(jwk.x, "x"))
    except JOSEError:
        raise
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKeyError("the JWK is not a valid public key") from error
    raise InvalidKeyError(f"unsupported key type {jwk.kty[:16]!r} {(jwk.crv or '')[:16]!r}")


def to_private_key(jwk: JWK) -> PrivateKey:
    """Return the private key. Raises InvalidKeyError without one that fits the public half."""
    if not jwk.d:
        raise InvalidKeyError("the JWK has no private key")
    public = to_public_key(jwk)
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            scalar = _decode_integer(jwk.d, "d")
            return ec.EllipticCurvePrivateNumbers(scalar, public.public_numbers()).private_key()
        if isinstance(public, rsa.RSAPublicKey):
            p, q, d, dp, dq, qi = (
                _decode_integer(getattr(jwk, name), name)
                for name in ("p", "q", "d", "dp", "dq", "qi")
            )
            return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public.public_numbers()).private_key()
        private = ed25519.Ed25519PrivateKey.from_private_bytes(_decode(jwk.d, "d"))
    except JOSEError:
        raise
    except ValueError as error:
        raise InvalidKeyError("the JWK is not a valid private key") from error
    if private.public_key() != public:
        raise InvalidKeyError("the private key does not fit the public key")
    return private


def from_public_key(key: PublicKey, *, kid: str = "", use: str = "sig") -> JWK:
    """Return the JWK with its signature algorithm; ``kid`` defaults to the thumbprint's text."""
    members = required_members(key)
    kid = kid or base64url.encode(_hash(members))
    alg = _ALGORITHMS[members.get("crv", "RSA")]
    return JWK(**members, use=use or None, kid=kid, alg=alg)


def from_private_key(key: PrivateKey, *, kid: str = "", use: str = "sig") -> JWK:
    """Return the JWK with its private members."""
    public = from_public_key(key.public_key(), kid=kid, use=use)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        scalar = key.private_numbers().private_value.to_bytes(size, "big")
        return msgspec.structs.replace(public, d=base64url.encode(scalar))
    if isinstance(key, rsa.RSAPrivateKey):
        n = key.private_numbers()
        numbers = {"d": n.d, "p": n.p, "q": n.q, "dp": n.dmp1, "dq": n.dmq1, "qi": n.iqmp}
        members = {name: _encode_integer(number) for name, number in numbers.items()}
        return msgspec.structs.replace(public, **members)
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return msgspec.structs.replace(public, d=base64url.encode(seed))


def required_members(key: PublicKey) -> dict[str, str]:
    """Return the members that RFC 7638 requires, in the order in which it hashes them."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = _CURVE_NAMES.get(key.curve.name)
        if name is None:
            raise InvalidKeyError(f"no JWK form for curve {key.curve.name}")
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        half = len(point) // 2
        x, y = base64url.encode(point[:half]), base64url.encode(point[half:])
        return {"crv": name, "kty": "EC", "x": x, "y": y}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"e": _encode_integer(numbers.e), "kty": "RSA", "n": _encode_integer(numbers.n)}
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(raw)}


def thumbprint(key: PublicKey) -> bytes:
    """Return the SHA-256 thumbprint of a key (RFC 7638), 32 octets.

    It is computed from the key and not from a received text, so that one key has one thumbprint.
    """
    return _hash(required_members(key))


def _hash(members: dict[str, str]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(members)).digest()


def _to_elliptic_key(jwk: JWK) -> ec.EllipticCurvePublicKey:
    curve = _CURVES.get(jwk.crv or "")
    if curve is None:
        raise InvalidKeyError("the curve of the JWK is not supported")
    size = (curve.key_size + 7) // 8
    x, y = _decode(jwk.x, "x"), _decode(jwk.y, "y")
    if len(x) != size or len(y) != size:  # RFC 7518 §6.2.1.2: full length, leading zeros kept
        raise InvalidKeyError("a coordinate of the JWK has the wrong length")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _to_rsa_key(jwk: JWK) -> rsa.RSAPublicKey:
    if len(jwk.n or "") > _MAX_MODULUS // 6 + 1 or len(jwk.e or "") > _MAX_EXPONENT:
        raise InvalidKeyError("the RSA key is too large")
    modulus, exponent = _decode_integer(jwk.n, "n"), _decode_integer(jwk.e, "e")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _decode(value: str | None, name: str) -> bytes:
    return base64url.decode(_require(value, name), f"JWK member {name}")


def _require(value: str | None, name: str) -> str:
    if value is None:
        raise MalformedError(f"the JWK lacks its member {name}")
    return value


def _decode_integer(value: str | None, name: str) -> int:
    return int.from_bytes(_decode(value, name), "big")


def _encode_integer(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
