"""The public half of a token's key, from its attributes (PKCS #11 v3.1 §6.3.3, §6.3.5, §6.1.2)."""

from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pkcs11 import Attribute, KeyType

from newel.crypto import der, oids
from newel.crypto.keys import InvalidKeyError, PublicKey

_CURVES: dict[bytes, ec.EllipticCurve] = {
    der.oid(oids.P256): ec.SECP256R1(),
    der.oid(oids.P384): ec.SECP384R1(),
}


def public_key(attributes: pkcs11.PublicKey) -> PublicKey:
    """Build the public key. Raises :class:`InvalidKeyError` for an unsupported kind."""
    kind = attributes.key_type
    if kind is KeyType.RSA:
        return rsa.RSAPublicNumbers(
            _number(attributes[Attribute.PUBLIC_EXPONENT]), _number(attributes[Attribute.MODULUS])
        ).public_key()
    if kind not in {KeyType.EC, KeyType.EC_EDWARDS}:
        raise InvalidKeyError("the token's key is of an unsupported kind")
    point = der.only(attributes[Attribute.EC_POINT], der.OCTET_STRING).content
    if kind is KeyType.EC_EDWARDS:
        return ed25519.Ed25519PublicKey.from_public_bytes(point)
    curve = _CURVES.get(attributes[Attribute.EC_PARAMS])
    if curve is None:
        raise InvalidKeyError("the token's key is on an unsupported curve")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)


def _number(value: Any) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)
