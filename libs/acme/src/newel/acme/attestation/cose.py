"""Signatures by attested keys, under the algorithms of COSE that the formats use."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from newel.acme.attestation.errors import AttestationError
from newel.crypto import keys
from newel.crypto.keys import PublicKey

ES256, EDDSA, RS256 = -7, -8, -257
"""RFC 9053 §2.1 and §2.2, RFC 8812 §2."""


def algorithm_of(key: PublicKey) -> int | None:
    """Return the one algorithm that a key signs with here; None: it signs nothing."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return ES256 if key.curve.name == "secp256r1" else None
    return RS256 if isinstance(key, rsa.RSAPublicKey) else EDDSA


def verify(key: PublicKey, algorithm: int, signature: bytes, data: bytes) -> None:
    """Verify a signature over a key authorization. Raises :class:`AttestationError`."""
    if algorithm != algorithm_of(key):
        raise AttestationError(f"alg: {algorithm} is not the algorithm of the attested key")
    try:
        keys.verify(key, signature, data)
    except InvalidSignature:
        raise AttestationError(
            "sig: the attested key did not sign the key authorization of this challenge"
        ) from None
