"""Compact JWS (RFC 7515) under the algorithms a key may use: the key decides, never the header."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from newel.step.jwk import PrivateKey, b64url

_ECDSA: dict[str, tuple[str, ec.ECDSA, int]] = {
    "secp256r1": ("ES256", ec.ECDSA(hashes.SHA256()), 32),
    "secp384r1": ("ES384", ec.ECDSA(hashes.SHA384()), 48),
    "secp521r1": ("ES512", ec.ECDSA(hashes.SHA512()), 66),
}
_SMALLEST_MODULUS = 2048
_RSA: dict[str, tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]] = {
    f"{family}{digest.digest_size * 8}": (
        padding.PKCS1v15()
        if family == "RS"
        else padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH),
        digest,
    )
    for family in ("RS", "PS")
    for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
}


class BadSignature(ValueError):  # noqa: N818 - named for what was found
    """The signature, or the algorithm it claims, does not fit the key."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """One public key, with everything about it that does not change looked up once."""

    algorithms: frozenset[str]
    check: Callable[[str, bytes, bytes], None]

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> None:
        """Raises BadSignature unless ``signature`` over ``signed`` is this key's."""
        if algorithm not in self.algorithms:
            raise BadSignature(f"algorithm {algorithm[:16]!r} does not fit the key")
        try:
            self.check(algorithm, signed, signature)
        except InvalidSignature as error:
            raise BadSignature("bad signature") from error


def verifier(key: object) -> Verifier:
    """The verifier of a key. Raises ValueError for keys that sign no JWS or are too small."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _ECDSA:
            raise ValueError(f"no JWS algorithm for curve {key.curve.name}")
        return _ecdsa_verifier(key)
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SMALLEST_MODULUS:
            raise ValueError("RSA keys under 2048 bits verify nothing")

        def check_rsa(algorithm: str, signed: bytes, signature: bytes) -> None:
            scheme, digest = _RSA[algorithm]
            key.verify(signature, signed, scheme, digest)

        return Verifier(frozenset(_RSA), check_rsa)

    if not isinstance(key, ed25519.Ed25519PublicKey):  # certificates hold keys of other kinds, too
        raise ValueError("no JWS algorithm for keys of this kind")  # noqa: TRY004 - callers refuse values

    def check_eddsa(_: str, signed: bytes, signature: bytes) -> None:
        key.verify(signature, signed)

    return Verifier(frozenset({"EdDSA"}), check_eddsa)


def _ecdsa_verifier(key: ec.EllipticCurvePublicKey) -> Verifier:
    name, scheme, size = _ECDSA[key.curve.name]
    verify = key.verify

    def check(_: str, signed: bytes, signature: bytes) -> None:
        if len(signature) != 2 * size:  # RFC 7518 §3.4: r and s at full length
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        verify(encode_dss_signature(r, s), signed, scheme)

    return Verifier(frozenset({name}), check)


class Signer(NamedTuple):
    """A private key of a kind that is not among those here, with its algorithm."""

    algorithm: str
    sign: Callable[[bytes], bytes]


def algorithm(key: PrivateKey | Signer) -> str:
    """The algorithm a private key signs with by default."""
    if isinstance(key, Signer):
        return key.algorithm
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ECDSA[key.curve.name][0]
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA"


def sign(header: bytes, payload: bytes, key: PrivateKey | Signer, *, alg: str = "") -> str:
    """The compact JWS. ``header`` is JSON that already names ``alg`` (default: the key's own)."""
    signed = f"{b64url(header)}.{b64url(payload)}".encode()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        _, scheme, size = _ECDSA[key.curve.name]
        r, s = decode_dss_signature(key.sign(signed, scheme))
        signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    elif isinstance(key, ed25519.Ed25519PrivateKey | Signer):
        signature = key.sign(signed)
    else:
        signature = key.sign(signed, *_RSA[alg or "RS256"])
    return f"{signed.decode()}.{b64url(signature)}"


def digest(token: str) -> str:
    """SHA-256 of a whole token in hex: how logs and tables name it."""
    return hashlib.sha256(token.encode()).hexdigest()
