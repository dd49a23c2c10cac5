"""JSON Web Keys (RFC 7517, RFC 7518, RFC 8037) to and from the cryptography library's keys."""

import base64
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

_CURVES: dict[str, tuple[type[ec.EllipticCurve], int, str]] = {
    "P-256": (ec.SECP256R1, 32, "ES256"),
    "P-384": (ec.SECP384R1, 48, "ES384"),
    "P-521": (ec.SECP521R1, 66, "ES512"),
}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_LARGEST_MODULUS = 16_384 // 8


class Jwk(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """A key, its members in the order the step tools write them. ``d`` and after are private."""

    use: str = ""
    kty: str = ""
    kid: str = ""
    crv: str = ""
    alg: str = ""
    k: str = ""
    x: str = ""
    y: str = ""
    n: str = ""
    e: str = ""
    d: str = ""
    p: str = ""
    q: str = ""
    dp: str = ""
    dq: str = ""
    qi: str = ""

    def __repr__(self) -> str:
        return f"Jwk(kty={self.kty!r}, crv={self.crv!r}, kid={self.kid!r})"

    def public(self) -> "Jwk":
        """The same key without its private members."""
        return msgspec.structs.replace(self, k="", d="", p="", q="", dp="", dq="", qi="")


def b64url(data: bytes) -> str:
    """Unpadded base64url (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """Undoes :func:`b64url`; padding, other alphabets and stray bits are ValueErrors."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


def from_public_key(key: PublicKey, *, kid: str = "", use: str = "sig") -> Jwk:
    """The key as a JWK with its algorithm; ``kid`` defaults to the RFC 7638 thumbprint."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = _CURVE_NAMES.get(key.curve.name, "")
        if not name:
            raise ValueError(f"no JWK form for curve {key.curve.name}")
        _, size, alg = _CURVES[name]
        point = key.public_numbers()
        x, y = (b64url(value.to_bytes(size, "big")) for value in (point.x, point.y))
        jwk = Jwk(use=use, kty="EC", crv=name, alg=alg, x=x, y=y)
    elif isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        jwk = Jwk(use=use, kty="RSA", alg="RS256", n=_uint(numbers.n), e=_uint(numbers.e))
    else:
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        jwk = Jwk(use=use, kty="OKP", crv="Ed25519", alg="EdDSA", x=b64url(raw))
    return msgspec.structs.replace(jwk, kid=kid or thumbprint(jwk))


def from_private_key(key: PrivateKey, *, kid: str = "", use: str = "sig") -> Jwk:
    """The key with its private members."""
    public = from_public_key(key.public_key(), kid=kid, use=use)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = _CURVES[public.crv][1]
        secret = key.private_numbers().private_value.to_bytes(size, "big")
        return msgspec.structs.replace(public, d=b64url(secret))
    if isinstance(key, rsa.RSAPrivateKey):
        n = key.private_numbers()
        return msgspec.structs.replace(
            public,
            d=_uint(n.d),
            p=_uint(n.p),
            q=_uint(n.q),
            dp=_uint(n.dmp1),
            dq=_uint(n.dmq1),
            qi=_uint(n.iqmp),
        )
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return msgspec.structs.replace(public, d=b64url(raw))


def to_public_key(jwk: Jwk) -> PublicKey:
    """The public key. Raises ValueError for what is no key: bad point, even modulus, symmetric."""
    try:
        if jwk.kty == "EC" and jwk.crv in _CURVES:
            return _ec_numbers(jwk).public_key()
        if jwk.kty == "RSA":
            if len(jwk.n) > _LARGEST_MODULUS * 4 // 3 + 4 or len(jwk.e) > 8:
                raise ValueError("RSA key is too large")
            return rsa.RSAPublicNumbers(_integer(jwk.e), _integer(jwk.n)).public_key()
        if jwk.kty == "OKP" and jwk.crv == "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(unb64url(jwk.x))
    except UnsupportedAlgorithm as error:
        raise ValueError("unsupported key") from error
    raise ValueError(f"unsupported key type {jwk.kty[:16]!r} {jwk.crv[:16]!r}")


def to_private_key(jwk: Jwk) -> PrivateKey:
    """The private key. Raises ValueError when there is none or it does not fit its public half."""
    if not jwk.d:
        raise ValueError("the JWK has no private key")
    public = to_public_key(jwk)
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = ec.EllipticCurvePrivateNumbers(_integer(jwk.d), public.public_numbers())
        return numbers.private_key()
    if isinstance(public, rsa.RSAPublicKey):
        parts = [_integer(part) for part in (jwk.p, jwk.q, jwk.d, jwk.dp, jwk.dq, jwk.qi)]
        p, q, d, dp, dq, qi = parts
        return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public.public_numbers()).private_key()
    private = ed25519.Ed25519PrivateKey.from_private_bytes(unb64url(jwk.d))
    if private.public_key() != public:
        raise ValueError("the private key does not fit the public key")
    return private


def thumbprint(jwk: Jwk) -> str:
    """RFC 7638 SHA-256 thumbprint, base64url."""
    required = {
        "EC": ("crv", "kty", "x", "y"),
        "RSA": ("e", "kty", "n"),
        "OKP": ("crv", "kty", "x"),
    }
    if jwk.kty not in required:
        raise ValueError(f"no thumbprint for key type {jwk.kty[:16]!r}")
    members = {name: getattr(jwk, name) for name in required[jwk.kty]}
    return b64url(hashlib.sha256(msgspec.json.encode(members)).digest())


def _ec_numbers(jwk: Jwk) -> ec.EllipticCurvePublicNumbers:
    curve, size, _ = _CURVES[jwk.crv]
    x, y = unb64url(jwk.x), unb64url(jwk.y)
    if len(x) != size or len(y) != size:  # RFC 7518 §6.2.1.2: always the full length
        raise ValueError("coordinates of the wrong length")
    return ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve()
    )


def _uint(value: int) -> str:
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _integer(text: str) -> int:
    return int.from_bytes(unb64url(text), "big")


__all__ = [
    "Jwk",
    "PrivateKey",
    "PublicKey",
    "b64url",
    "from_private_key",
    "from_public_key",
    "thumbprint",
    "to_private_key",
    "to_public_key",
    "unb64url",
]
