"""Signatures as SSH writes them: the algorithm's name, and what it made (RFC 4253 §6.6, RFC 5656, RFC 8332)."""

from typing import TYPE_CHECKING

from newel.crypto.ssh.wire import Reader, WireError, mpint, string

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey, PublicKey


def sign(key: "PrivateKey", data: bytes) -> bytes:
    """Return the signature of a key that is in this process."""
    from newel.crypto import keys

    return encode(key.public_key(), keys.sign(key, data))


def encode(key: "PublicKey", signature: bytes) -> bytes:
    """Encode a signature of :func:`newel.crypto.keys.sign` as SSH writes it."""
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if isinstance(key, ec.EllipticCurvePublicKey):
        signature = b"".join(map(mpint, utils.decode_dss_signature(signature)))
    return string(_name_algorithm(key).encode()) + string(signature)


def verify(key: "PublicKey", signature: bytes, data: bytes) -> None:
    """Raise ``InvalidSignature`` of the library unless this key made the signature over ``data``.

    Raises WireError for what is no signature, or one of another algorithm than the key's.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    from newel.crypto import keys

    source = Reader(signature)
    name, value = source.text(), source.string()
    source.end()
    wanted = _name_algorithm(key)
    if name != wanted:
        raise WireError(f"a signature of {name!r}, the key makes {wanted!r}")
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers = [int.from_bytes(half) for half in Reader(value).strings()]
        if len(numbers) != 2:
            raise WireError("an ECDSA signature has two numbers")
        value = utils.encode_dss_signature(*numbers)
    keys.verify(key, value, data)


def _name_algorithm(key: "PublicKey") -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ecdsa-sha2-nistp{key.curve.key_size}"
    return "rsa-sha2-256" if isinstance(key, rsa.RSAPublicKey) else "ssh-ed25519"


def require_valid(key: "PublicKey", signature: bytes, data: bytes) -> None:
    """Do the same, and raise WireError for a signature that is not this key's as well."""
    from cryptography.exceptions import InvalidSignature

    try:
        verify(key, signature, data)
    except InvalidSignature:
        raise WireError("the signature does not verify") from None
