"""Private and public keys: make, read, write, sign and verify.

The hash follows the key: P-256 SHA-256, P-384 SHA-384, P-521 SHA-512, RSA PKCS #1 v1.5 with
SHA-256, Ed25519 with none. Nothing here logs or shows a private key or a password.
"""

import enum
import functools
import hashlib
from collections.abc import Callable
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from newel.crypto import armor, der, pem

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

MAX_ENCODED_KEY = 64 * 1024

_ECDSA = {
    "secp256r1": ec.ECDSA(hashes.SHA256()),
    "secp384r1": ec.ECDSA(hashes.SHA384()),
    "secp521r1": ec.ECDSA(hashes.SHA512()),
}
_PKCS1 = padding.PKCS1v15()
_SHA256 = hashes.SHA256()

# RFC 5758 §3.2 (no parameters), RFC 4055 §5 (NULL parameters), RFC 8410 §3 (no parameters)
_ECDSA_IDENTIFIERS = {
    "secp256r1": der.sequence(der.oid("1.2.840.10045.4.3.2")),
    "secp384r1": der.sequence(der.oid("1.2.840.10045.4.3.3")),
    "secp521r1": der.sequence(der.oid("1.2.840.10045.4.3.4")),
}
_RSA_IDENTIFIER = der.sequence(der.oid("1.2.840.113549.1.1.11"), b"\x05\x00")
_ED25519_IDENTIFIER = der.sequence(der.oid("1.3.101.112"))


class InvalidKeyError(ValueError):
    """The octets are not a key we can use."""


class KeyKind(enum.StrEnum):
    """The kinds of key that can be made."""

    P256 = "P-256"
    P384 = "P-384"
    P521 = "P-521"
    RSA2048 = "RSA-2048"
    RSA3072 = "RSA-3072"
    RSA4096 = "RSA-4096"
    ED25519 = "Ed25519"


_MAKERS: dict[KeyKind, Callable[[], PrivateKey]] = {
    KeyKind.P256: lambda: ec.generate_private_key(ec.SECP256R1()),
    KeyKind.P384: lambda: ec.generate_private_key(ec.SECP384R1()),
    KeyKind.P521: lambda: ec.generate_private_key(ec.SECP521R1()),
    KeyKind.RSA2048: lambda: rsa.generate_private_key(65537, 2048),
    KeyKind.RSA3072: lambda: rsa.generate_private_key(65537, 3072),
    KeyKind.RSA4096: lambda: rsa.generate_private_key(65537, 4096),
    KeyKind.ED25519: ed25519.Ed25519PrivateKey.generate,
}


_CURVE_KINDS = {"secp256r1": KeyKind.P256, "secp384r1": KeyKind.P384, "secp521r1": KeyKind.P521}
_RSA_KINDS = {2048: KeyKind.RSA2048, 3072: KeyKind.RSA3072, 4096: KeyKind.RSA4096}


def generate(kind: KeyKind | str = KeyKind.P256) -> PrivateKey:
    """Generate a key. Raises ``ValueError`` for an unknown kind."""
    return _MAKERS[KeyKind(kind)]()


def kind_of(key: PublicKey) -> KeyKind | None:
    """Return the kind of a key; None for one that is not made here, as an RSA key of an odd size."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVE_KINDS.get(key.curve.name)
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA_KINDS.get(key.key_size)
    return KeyKind.ED25519


def load_private_key(data: bytes, password: bytes | None = None) -> PrivateKey:
    """Load the only private key in the octets of an operator's file.

    PEM as :mod:`newel.crypto.armor` reads it, or DER: PKCS #8 plain and encrypted, SEC 1, PKCS #1, the
    encrypted PEM of RFC 1423 (``Proc-Type: 4,ENCRYPTED``), and OpenSSH's own format. Certificates and
    parameters in the same file are skipped. Unlike in the library, a ``password`` for an unencrypted
    key is no error, so that one password file serves a folder of keys. Raises
    :class:`InvalidKeyError`, which never carries the password or any key octet.
    """
    if len(data) > MAX_ENCODED_KEY:
        raise InvalidKeyError("the private key file is too long to be one")
    block = _private_block(data)
    try:
        key = _load(block, data, password)
    except TypeError:
        if not password:
            raise InvalidKeyError(
                "the private key is encrypted and no password was given"
            ) from None
        key = _load_plain(block, data)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKeyError("the private key cannot be read, or the password is wrong") from None
    if isinstance(key, PrivateKey):
        return key
    raise InvalidKeyError("the private key is of a kind that is not used here")


def is_encrypted(data: bytes) -> bool:
    """Tell whether the only private key in the octets of a file needs a password.

    Raises :class:`InvalidKeyError` for a file without exactly one key, or with one that cannot be read.
    """
    block = _private_block(data)
    try:
        _load(block, data, None)
    except TypeError:
        return True
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKeyError("the private key cannot be read") from None
    return False


def _private_block(data: bytes) -> armor.Block | None:
    """Find the block with the private key; None for a file that is not PEM."""
    try:
        blocks = armor.blocks(data)
    except pem.PEMError as error:
        raise InvalidKeyError(f"the private key cannot be read: {error}") from None
    if not blocks:
        return None
    private = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    if not private:
        labels = ", ".join(dict.fromkeys(block.label for block in blocks))
        raise InvalidKeyError(f"the file holds no private key, but {labels}")
    if len(private) > 1:
        raise InvalidKeyError(f"the file holds {len(private)} private keys where one is expected")
    return private[0]


def _load(block: armor.Block | None, data: bytes, password: bytes | None) -> object:
    if block is None:
        (value,) = armor.elements(data)
        return serialization.load_der_private_key(value, password)
    if block.label == "OPENSSH PRIVATE KEY":
        return serialization.load_ssh_private_key(block.text, password)
    return serialization.load_pem_private_key(block.text, password)


def _load_plain(block: armor.Block | None, data: bytes) -> object:
    try:
        return _load(block, data, None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise InvalidKeyError("the private key cannot be read") from None


def encrypt_private_key(key: PrivateKey, password: bytes) -> bytes:
    """Write a key as encrypted PKCS #8 PEM. Raises ``ValueError`` for an empty password."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


def plain_private_key(key: PrivateKey) -> bytes:
    """Write a key as unencrypted PKCS #8 PEM, for files that only their owner can read."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_public_key(spki_der: bytes) -> PublicKey:
    """Load a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). Raises :class:`InvalidKeyError`.

    An elliptic curve point must be on its curve: the library checks that here.
    """
    return _load_cached(bytes(spki_der))


@functools.lru_cache(maxsize=512)
def _load_cached(spki_der: bytes) -> PublicKey:
    """Load a key once: the same octets are always the same, immutable, checked key."""
    try:
        key = serialization.load_der_public_key(spki_der)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKeyError("the public key cannot be read") from None
    if isinstance(key, PublicKey):
        return key
    raise InvalidKeyError("the public key is of a kind that is not used here")


def spki(public_key: PublicKey) -> bytes:
    """Encode the SubjectPublicKeyInfo of a key."""
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def subject_public_key(spki_der: bytes) -> bytes:
    """Return the content of the BIT STRING subjectPublicKey. Raises :class:`der.DERError`."""
    outer = der.Reader(der.only(spki_der).content)
    outer.read(der.SEQUENCE)
    bits = outer.bit_string()
    outer.end()
    return bits


def key_identifier(spki_der: bytes) -> bytes:
    """Hash the BIT STRING's content with SHA-1: 20 octets (RFC 5280 §4.2.1.2 method 1)."""
    return hashlib.sha1(subject_public_key(spki_der), usedforsecurity=False).digest()


def signature_algorithm(public_key: PublicKey) -> bytes:
    """Return the DER AlgorithmIdentifier of the signatures of a key."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _ECDSA_IDENTIFIERS[_curve(public_key)]
    if isinstance(public_key, rsa.RSAPublicKey):
        return _RSA_IDENTIFIER
    return _ED25519_IDENTIFIER


def sign(private_key: PrivateKey, data: bytes) -> bytes:
    """Sign ``data``: a DER ECDSA-Sig-Value, a PKCS #1 block, or 64 octets of Ed25519."""
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return private_key.sign(data, _ECDSA[_curve(private_key)])
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(data, _PKCS1, _SHA256)
    return private_key.sign(data)


def verify(public_key: PublicKey, signature: bytes, data: bytes) -> None:
    """Raise :class:`InvalidSignature` unless this key made ``signature`` over ``data``."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        public_key.verify(signature, data, _ECDSA[_curve(public_key)])
    elif isinstance(public_key, rsa.RSAPublicKey):
        public_key.verify(signature, data, _PKCS1, _SHA256)
    else:
        public_key.verify(signature, data)


def _curve(key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> str:
    name = key.curve.name
    if name not in _ECDSA:
        raise InvalidKeyError(f"the curve {name} is not used here")
    return name


__all__ = [
    "InvalidKeyError",
    "InvalidSignature",
    "KeyKind",
    "PrivateKey",
    "PublicKey",
    "encrypt_private_key",
    "generate",
    "key_identifier",
    "load_private_key",
    "load_public_key",
    "plain_private_key",
    "sign",
    "signature_algorithm",
    "spki",
    "subject_public_key",
    "verify",
]
