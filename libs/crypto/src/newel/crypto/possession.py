"""Proof of possession: the signatures of certification requests.

Such a signature proves nothing else and is in no certificate, so old forms are accepted: SHA-1 with
RSA, which management boards need, and parameters present or absent (RFC 8017 §A.2.4 wants NULL,
RFC 5758 §3.2 wants none). MD5, SHA-224 and SHA-1 with ECDSA are refused.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from newel.crypto import der, keys

_NULL = b"\x05\x00"
_ECDSA = {
    der.oid("1.2.840.10045.4.3.2"): ec.ECDSA(hashes.SHA256()),
    der.oid("1.2.840.10045.4.3.3"): ec.ECDSA(hashes.SHA384()),
    der.oid("1.2.840.10045.4.3.4"): ec.ECDSA(hashes.SHA512()),
}
_PKCS1 = {
    der.oid("1.2.840.113549.1.1.11"): hashes.SHA256(),
    der.oid("1.2.840.113549.1.1.12"): hashes.SHA384(),
    der.oid("1.2.840.113549.1.1.13"): hashes.SHA512(),
    der.oid("1.2.840.113549.1.1.5"): hashes.SHA1(),  # noqa: S303 - see the module
    der.oid("1.3.14.3.2.29"): hashes.SHA1(),  # noqa: S303 - the older identifier of the same
}
_ED25519 = der.oid("1.3.101.112")
_PSS = der.oid("1.2.840.113549.1.1.10")
_MGF1 = der.oid("1.2.840.113549.1.1.8")
_STRONG = {
    der.oid("2.16.840.1.101.3.4.2.1"): hashes.SHA256(),
    der.oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    der.oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
_MAX_SALT = 512
_COMMON_ECDSA = {der.sequence(kind): scheme for kind, scheme in _ECDSA.items()}
_COMMON_PKCS1 = {der.sequence(kind, _NULL): hashed for kind, hashed in _PKCS1.items()}
_PADDING = padding.PKCS1v15()


class AlgorithmError(ValueError):
    """The signature algorithm is not one that proves possession of this key."""


def verify(key: keys.PublicKey, algorithm: bytes, signature: bytes, signed: bytes) -> None:
    """Verify a signature by the DER AlgorithmIdentifier that goes with it.

    Raises :class:`newel.crypto.keys.InvalidSignature`, and :class:`AlgorithmError` for an algorithm
    that is weak, unknown or of another kind of key.
    """
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _COMMON_ECDSA:
            key.verify(signature, signed, _COMMON_ECDSA[algorithm])
        elif isinstance(key, rsa.RSAPublicKey) and algorithm in _COMMON_PKCS1:
            key.verify(signature, signed, _PADDING, _COMMON_PKCS1[algorithm])
        else:
            _verify_uncommon(key, algorithm, signature, signed)
    except (der.DERError, TypeError):
        raise AlgorithmError("the signature algorithm cannot be read") from None
    except UnsupportedAlgorithm:
        raise AlgorithmError("the signature algorithm is not available here") from None


def _verify_uncommon(
    key: keys.PublicKey, algorithm: bytes, signature: bytes, signed: bytes
) -> None:
    kind, *parameters = der.split(der.only(algorithm).content) or [b"\x06\x00"]
    if kind == _PSS and isinstance(key, rsa.RSAPublicKey):
        hashed, padded = _pss(*parameters)
        key.verify(signature, signed, padded, hashed)
    elif parameters not in ([], [_NULL]):
        raise AlgorithmError("the signature algorithm has parameters that are not its own")
    elif isinstance(key, ec.EllipticCurvePublicKey) and kind in _ECDSA:
        key.verify(signature, signed, _ECDSA[kind])
    elif isinstance(key, rsa.RSAPublicKey) and kind in _PKCS1:
        key.verify(signature, signed, _PADDING, _PKCS1[kind])
    elif isinstance(key, ed25519.Ed25519PublicKey) and kind == _ED25519:
        key.verify(signature, signed)
    else:
        raise AlgorithmError(
            f"the signature algorithm {der.decode_oid(der.content(kind))} does not go with the key,"
            " or is weak"
        )


def _pss(parameters: bytes) -> tuple[hashes.HashAlgorithm, padding.PSS]:
    """Read the hash and the padding of RSASSA-PSS-params (RFC 4055 §3.1).

    An absent field means SHA-1, which is weak, so the hash functions must be present.
    """
    reader = der.Reader(der.only(parameters).content)
    hashed = _strong(_explicit(reader, 0))
    mask = der.split(der.only(_explicit(reader, 1)).content)
    if mask[:1] != [_MGF1]:
        raise AlgorithmError("a PSS signature with a mask other than MGF1")
    mask_hash = _strong(mask[-1])
    salt = der.Reader(_explicit(reader, 2)).integer() if reader.peek() == 0xA2 else 20
    if reader.peek() == 0xA3 and der.Reader(_explicit(reader, 3)).integer() != 1:
        raise AlgorithmError("a PSS signature with an unknown trailer")
    reader.end()
    if not 0 <= salt <= _MAX_SALT:
        raise AlgorithmError(f"a PSS signature with a salt of {salt} octets")
    return hashed, padding.PSS(padding.MGF1(mask_hash), salt)


def _explicit(reader: der.Reader, number: int) -> bytes:
    if reader.peek() != 0xA0 | number:
        raise AlgorithmError("a PSS signature whose hash is SHA-1, which is weak")
    return reader.read().content


def _strong(identifier: bytes) -> hashes.HashAlgorithm:
    kind, *parameters = der.split(der.only(identifier).content)
    found = _STRONG.get(kind)
    if found is None or parameters not in ([], [_NULL]):
        raise AlgorithmError("a PSS signature whose hash is weak or unknown")
    return found
