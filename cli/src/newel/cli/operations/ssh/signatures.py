"""Signatures as SSH writes them: the algorithm's name, and what it made (RFC 4253 §6.6, RFC 5656, RFC 8332)."""

from typing import TYPE_CHECKING

from newel.cli.operations.ssh.wire import mpint, string

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey


def sign(key: "PrivateKey", data: bytes) -> bytes:
    """Return the signature of a key that is in this process."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

    from newel.crypto import keys

    value = keys.sign(key, data)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = f"ecdsa-sha2-nistp{key.curve.key_size}"
        value = b"".join(map(mpint, utils.decode_dss_signature(value)))
    else:
        name = "rsa-sha2-256" if isinstance(key, rsa.RSAPrivateKey) else "ssh-ed25519"
    return string(name.encode()) + string(value)
