"""JWS algorithms (RFC 7518 §3, RFC 8037), each pinned to one kind of key.

The key decides what is verified, never the header.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from newel.acme.jwk import PublicKey
from newel.acme.problems import AcmeError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

ALGORITHMS = (
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
)
"""Every algorithm accepted: the ``algorithms`` member of ``badSignatureAlgorithm``."""

_ECDSA = {
    "secp256r1": ("ES256", 32, ec.ECDSA(hashes.SHA256())),
    "secp384r1": ("ES384", 48, ec.ECDSA(hashes.SHA384())),
    "secp521r1": ("ES512", 66, ec.ECDSA(hashes.SHA512())),
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


def require_known(algorithm: str) -> None:
    """Raises ``badSignatureAlgorithm`` for ``none``, MACs and anything not in ``ALGORITHMS``."""
    if algorithm not in ALGORITHMS:
        raise AcmeError("badSignatureAlgorithm", "the JWS algorithm is not one of those supported")


def require_kind(key: PublicKey, algorithm: str) -> None:
    """Raises ``badSignatureAlgorithm`` unless keys of this kind sign with the algorithm."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        _require(algorithm == _ECDSA[key.curve.name][0])
    else:
        _require(
            algorithm[:2] in {"RS", "PS"}
            if isinstance(key, rsa.RSAPublicKey)
            else algorithm == "EdDSA"
        )


def verify(key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
    """Checks a signature.

    ``badSignatureAlgorithm`` when the key is of another kind, ``malformed`` when it is wrong.
    """
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            name, size, scheme = _ECDSA[key.curve.name]
            _require(algorithm == name)
            _require_signature(len(signature) == 2 * size)
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            key.verify(encode_dss_signature(r, s), message, scheme)
        elif isinstance(key, rsa.RSAPublicKey):
            _require(algorithm[:2] in ("RS", "PS"))
            digest = _HASHES[algorithm[2:]]
            key.verify(signature, message, _padding(algorithm, digest), digest)
        else:
            _require(algorithm == "EdDSA")
            key.verify(signature, message)
    except InvalidSignature:
        _require_signature(False)


def algorithm_of(key: PrivateKey) -> str:
    """The algorithm a client signs with: the curve's own, RS256 for RSA, EdDSA for Ed25519."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ECDSA[key.curve.name][0]
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA"


def sign(key: PrivateKey, algorithm: str, message: bytes) -> bytes:
    """The JWS signature: R‖S of fixed length for ECDSA (RFC 7518 §3.4)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name, size, scheme = _ECDSA[key.curve.name]
        _require(algorithm == name)
        r, s = decode_dss_signature(key.sign(message, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if isinstance(key, rsa.RSAPrivateKey):
        _require(algorithm[:2] in ("RS", "PS"))
        digest = _HASHES[algorithm[2:]]
        return key.sign(message, _padding(algorithm, digest), digest)
    _require(algorithm == "EdDSA")
    return key.sign(message)


def _require(condition: bool) -> None:
    if not condition:
        raise AcmeError(
            "badSignatureAlgorithm", "the JWS algorithm does not belong to the kind of the key"
        )


def _require_signature(condition: bool) -> None:
    if not condition:
        raise AcmeError("malformed", "the JWS signature does not verify")


def _padding(algorithm: str, digest: hashes.HashAlgorithm) -> padding.PKCS1v15 | padding.PSS:
    if algorithm.startswith("RS"):
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(digest), digest.digest_size)
