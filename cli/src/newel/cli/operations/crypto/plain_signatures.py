"""Signatures over octets with nothing around them: ECDSA in DER, Ed25519, RSA PKCS #1 v1.5 and PSS."""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newel.cli.errors import CliError
from newel.crypto import keys
from newel.crypto.keys import PrivateKey, PublicKey

HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1, "sha224": hashes.SHA224, "sha256": hashes.SHA256,
    "sha384": hashes.SHA384, "sha512": hashes.SHA512, "sha512-224": hashes.SHA512_224,
    "sha512-256": hashes.SHA512_256, "md5": hashes.MD5,
}  # fmt: skip # a table


def sign(key: PrivateKey, message: bytes, alg: str, *, pss: bool) -> bytes:
    """Return the signature. ``alg`` and ``pss`` speak of RSA; other keys have one way only."""
    if not isinstance(key, rsa.RSAPrivateKey):
        return keys.sign(key, message)
    digest = rsa_hash(alg)
    try:
        return key.sign(message, scheme(digest, pss=pss, length=padding.PSS.MAX_LENGTH), digest)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error signing message: {error}") from None


def verifies(key: PublicKey, signature: bytes, message: bytes, alg: str, *, pss: bool) -> bool:
    """Say whether the signature is this key's over this message."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            digest = rsa_hash(alg)
            used = scheme(digest, pss=pss, length=padding.PSS.AUTO)
            key.verify(signature, message, used, digest)
        else:
            keys.verify(key, signature, message)
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm as error:
        raise CliError(f"unsupported algorithm {alg}: {error}") from None
    return True


def rsa_hash(alg: str) -> hashes.HashAlgorithm:
    """Return the hash a name stands for."""
    if alg.lower() not in HASHES:
        raise CliError(f"unsupported algorithm {alg}")
    return HASHES[alg.lower()]()


def scheme(digest: hashes.HashAlgorithm, *, pss: bool, length: object) -> padding.AsymmetricPadding:
    """Return the padding; a PSS signature is made with the longest salt and read with any."""
    if not pss:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(digest), length)  # pyright: ignore[reportArgumentType] - sentinels of the library
