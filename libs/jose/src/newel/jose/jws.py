"""JSON Web Signatures (RFC 7515, RFC 7518 §3, RFC 8037): verify and sign.

The key decides which algorithms are possible, never the header: a key of one kind cannot be made
to verify a signature of another, and ``none`` does not exist here.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import base64url, xeddsa
from newel.jose.errors import AlgorithmMismatchError, InvalidKeyError, InvalidSignatureError

_ECDSA = {
    "secp256r1": ("ES256", 32, ec.ECDSA(hashes.SHA256())),
    "secp384r1": ("ES384", 48, ec.ECDSA(hashes.SHA384())),
    "secp521r1": ("ES512", 66, ec.ECDSA(hashes.SHA512())),
}
_DIGESTS: tuple[hashes.HashAlgorithm, ...] = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
_RSA: dict[str, tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]] = {
    **{f"RS{digest.digest_size * 8}": (padding.PKCS1v15(), digest) for digest in _DIGESTS},
    **{
        f"PS{digest.digest_size * 8}": (
            padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH),
            digest,
        )
        for digest in _DIGESTS
    },
}
_NO_ECDSA = ("", 0, ec.ECDSA(hashes.SHA256()))  # of a curve that has no algorithm
_HMAC = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_MIN_MODULUS = 2048  # bits, RFC 7518 §3.3

ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", *_RSA)
"""Every algorithm with a public key."""

HMAC_ALGORITHMS = tuple(_HMAC)


class ExternalSigner(NamedTuple):
    """A private key of a kind that is not among those here, with its algorithm."""

    algorithm: str
    sign: Callable[[bytes], bytes]


def algorithms_for(key: object) -> tuple[str, ...]:
    """Return the algorithms a public key may verify.

    Raises InvalidKeyError for kinds and curves that sign no JWS, and for RSA under 2,048 bits.
    """
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _ECDSA:
        return (_ECDSA[key.curve.name][0],)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_MODULUS:
        return tuple(_RSA)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ("EdDSA",)
    raise InvalidKeyError("the key is not one that verifies a JWS")


def require_verifying_key(key: object) -> PublicKey:
    """Return the key if it verifies signatures, else raise as ``algorithms_for`` does."""
    algorithms_for(key)
    return cast("PublicKey", key)


def verify(key: object, algorithm: str, signing_input: bytes, signature: bytes) -> None:
    """Return if the signature over the input is this public key's under this algorithm.

    Raises AlgorithmMismatchError when keys of this kind do not use the algorithm (which includes
    every unknown one), InvalidSignatureError when the signature is wrong.
    """
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            name, size, scheme = _ECDSA.get(key.curve.name, _NO_ECDSA)
            _require(algorithm == name, algorithm)
            _require_signature(len(signature) == 2 * size)  # RFC 7518 §3.4: r and s at full length
            r = int.from_bytes(signature[:size], "big")
            s = int.from_bytes(signature[size:], "big")
            key.verify(encode_dss_signature(r, s), signing_input, scheme)
        elif isinstance(key, rsa.RSAPublicKey):
            _require(algorithm in _RSA and key.key_size >= _MIN_MODULUS, algorithm)
            key.verify(signature, signing_input, *_RSA[algorithm])
        elif isinstance(key, x25519.X25519PublicKey):
            _require(algorithm == xeddsa.ALGORITHM, algorithm)
            xeddsa.verify(key, signature, signing_input)
        else:
            _require(algorithm == "EdDSA", algorithm)
            _require(isinstance(key, ed25519.Ed25519PublicKey), algorithm)
            cast("ed25519.Ed25519PublicKey", key).verify(signature, signing_input)
    except InvalidSignature as error:
        raise InvalidSignatureError("the signature does not verify") from error


def default_algorithm(key: PrivateKey | ExternalSigner) -> str:
    """Return what a private key signs with unless told otherwise: RS256 for RSA, else its own."""
    if isinstance(key, ExternalSigner):
        return key.algorithm
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ECDSA[key.curve.name][0]
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA"


def sign(key: PrivateKey, algorithm: str, signing_input: bytes) -> bytes:
    """Return the signature, R‖S of fixed length for ECDSA (RFC 7518 §3.4).

    Raises AlgorithmMismatchError for an algorithm that is not of the key's kind.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name, size, scheme = _ECDSA.get(key.curve.name, _NO_ECDSA)
        _require(algorithm == name, algorithm)
        r, s = decode_dss_signature(key.sign(signing_input, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if isinstance(key, rsa.RSAPrivateKey):
        _require(algorithm in _RSA, algorithm)
        return key.sign(signing_input, *_RSA[algorithm])
    _require(algorithm == "EdDSA", algorithm)
    return key.sign(signing_input)


def compute_mac(secret: bytes, algorithm: str, signing_input: bytes) -> bytes:
    """Return the HMAC. Raises AlgorithmMismatchError for everything but HS256, HS384 and HS512."""
    _require(algorithm in _HMAC, algorithm)
    return hmac.digest(secret, signing_input, _HMAC[algorithm])


def verify_mac(secret: bytes, algorithm: str, signing_input: bytes, mac: bytes) -> None:
    """Return if the HMAC is right. Raises as ``verify`` does."""
    _require_signature(hmac.compare_digest(compute_mac(secret, algorithm, signing_input), mac))


def sign_compact(
    header: bytes, payload: bytes, key: PrivateKey | ExternalSigner, *, alg: str = ""
) -> str:
    """Return the compact serialization; the JSON ``header`` names ``alg``, by default the key's."""
    signing_input = f"{base64url.encode(header)}.{base64url.encode(payload)}".encode()
    if isinstance(key, ExternalSigner):
        signature = key.sign(signing_input)
    else:
        signature = sign(key, alg or default_algorithm(key), signing_input)
    return f"{signing_input.decode()}.{base64url.encode(signature)}"


def _require(condition: bool, algorithm: str) -> None:
    if not condition:
        raise AlgorithmMismatchError(f"algorithm {algorithm[:16]!r} does not fit the key")


def _require_signature(condition: bool) -> None:
    if not condition:
        raise InvalidSignatureError("the signature does not verify")
