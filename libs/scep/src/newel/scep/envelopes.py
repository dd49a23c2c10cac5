"""Encryption to one RSA key (RFC 5652 §6), with the ciphers that devices have."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from newel.crypto.entropy import random_bytes
from newel.scep.cms import Envelope
from newel.scep.constants import FailInfo, IssuerAndSerial, RefusedError

UNREADABLE = "the message cannot be decrypted or read"
"""The one text for everything that goes wrong after decryption: more would help to decrypt others' messages."""

_CIPHERS: Mapping[str, tuple[int, Callable[[bytes], BlockCipherAlgorithm]]] = {
    "2.16.840.1.101.3.4.1.2": (16, algorithms.AES),
    "2.16.840.1.101.3.4.1.22": (24, algorithms.AES),
    "2.16.840.1.101.3.4.1.42": (32, algorithms.AES),
    "1.2.840.113549.3.7": (24, TripleDES),
}
_DES = "1.3.14.3.2.7"
_DES_KEY = 8

ContentCipher: TypeAlias = type[algorithms.AES128] | type[algorithms.AES256]
AES_128: ContentCipher = algorithms.AES128
AES_256: ContentCipher = algorithms.AES256


def decrypt(
    envelope: Envelope, own: IssuerAndSerial, key: rsa.RSAPrivateKey, *, allow_weak: bool = False
) -> bytes:
    """Decrypt what was encrypted to the certificate that ``own`` names.

    ``allow_weak`` accepts single DES. Raises :class:`RefusedError`: badAlg for ciphers that are not
    accepted, badMessageCheck for everything else.
    """
    encrypted_key = envelope.recipients.get(own)
    if encrypted_key is None:
        raise RefusedError(
            FailInfo.BAD_MESSAGE_CHECK,
            "the message is not encrypted to the certificate of this authority; ask GetCACert again",
        )
    size, algorithm = _cipher(envelope.cipher, allow_weak=allow_weak)
    block = 16 if algorithm is algorithms.AES else 8
    if len(envelope.parameters) != block or len(envelope.encrypted) % block:
        raise RefusedError(FailInfo.BAD_MESSAGE_CHECK, UNREADABLE, cause="odd vector or length")
    content_key = _content_key(encrypted_key, key, size)
    content_key = content_key * 3 if size == _DES_KEY else content_key  # 3DES by one key is DES
    decryptor = Cipher(algorithm(content_key), modes.CBC(envelope.parameters)).decryptor()
    unpadder = block_padding.PKCS7(block * 8).unpadder()
    try:
        padded = decryptor.update(envelope.encrypted) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise RefusedError(FailInfo.BAD_MESSAGE_CHECK, UNREADABLE, cause="padding") from None


def _cipher(oid: str, *, allow_weak: bool) -> tuple[int, Callable[[bytes], BlockCipherAlgorithm]]:
    if oid == _DES and allow_weak:
        return _DES_KEY, TripleDES
    found = _CIPHERS.get(oid)
    if found is None:
        name = "DES" if oid == _DES else oid[:64]
        raise RefusedError(
            FailInfo.BAD_ALG, f"messages encrypted by {name} are not accepted: use AES"
        )
    return found


def _content_key(encrypted: bytes, key: rsa.RSAPrivateKey, size: int) -> bytes:
    """Decrypt a content key; one that cannot be is replaced by a random one (RFC 3218 §2.3.2)."""
    instead = random_bytes(size)
    try:
        found = key.decrypt(encrypted, padding.PKCS1v15())
    except ValueError:
        return instead
    return found if len(found) == size else instead


def encrypt(
    content: bytes,
    recipient: x509.Certificate,
    cipher: ContentCipher = AES_128,
) -> bytes:
    """Encrypt to an RSA certificate; return a ContentInfo of enveloped data in DER.

    Raises TypeError for a certificate of another kind of key.
    """
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content).add_recipient(recipient)
    builder = builder.set_content_encryption_algorithm(cipher)
    return builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
