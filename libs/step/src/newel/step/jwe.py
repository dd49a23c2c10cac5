"""The password encryption of provisioner keys: compact JWE, PBES2-HS256+A128KW and A256GCM.

RFC 7516 and RFC 7518 §4.8, as the step tools write it (600,000 rounds, 16 octets of salt).
"""

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from newel.crypto.entropy import random_bytes
from newel.step.jwk import b64url, unb64url

ROUNDS = 600_000
_ALG, _ENC = "PBES2-HS256+A128KW", "A256GCM"
_MOST_ROUNDS = 10_000_000  # a hostile file must not keep a processor for minutes
_LARGEST = 64 * 1024


class _Header(msgspec.Struct, omit_defaults=True):
    alg: str
    cty: str = ""
    enc: str = ""
    p2c: int = 0
    p2s: str = ""


class WrongPassword(ValueError):  # noqa: N818 - it is what the user is told
    """The password does not open this JWE (or its octets were changed)."""


def encrypt(plaintext: bytes, password: bytes, *, rounds: int = ROUNDS) -> str:
    """The compact JWE of a private JWK (content type ``jwk+json``)."""
    salt = random_bytes(16)
    header = _Header(_ALG, "jwk+json", _ENC, rounds, b64url(salt))
    protected = b64url(msgspec.json.encode(header))
    content_key, iv = random_bytes(32), random_bytes(12)
    wrapped = aes_key_wrap(_wrapping_key(password, salt, rounds), content_key)
    sealed = AESGCM(content_key).encrypt(iv, plaintext, protected.encode())
    parts = (wrapped, iv, sealed[:-16], sealed[-16:])
    return ".".join([protected, *(b64url(part) for part in parts)])


def decrypt(compact: str, password: bytes) -> bytes:
    """The plaintext. Raises WrongPassword, or ValueError for what is no such JWE."""
    parts = compact.strip().split(".", 5) if len(compact) <= _LARGEST else []
    if len(parts) != 5:
        raise ValueError("not a compact JWE")
    protected, wrapped, iv, ciphertext, tag = parts
    header = msgspec.json.decode(unb64url(protected), type=_Header)
    if (header.alg, header.enc) != (_ALG, _ENC):
        raise ValueError(f"unsupported JWE {header.alg[:32]!r} {header.enc[:32]!r}")
    if not 1 <= header.p2c <= _MOST_ROUNDS or len(unb64url(tag)) != 16:
        raise ValueError("malformed JWE")
    key = _wrapping_key(password, unb64url(header.p2s), header.p2c)
    try:
        content_key = aes_key_unwrap(key, unb64url(wrapped))
        return AESGCM(content_key).decrypt(
            unb64url(iv), unb64url(ciphertext) + unb64url(tag), protected.encode()
        )
    except (InvalidUnwrap, InvalidTag) as error:
        raise WrongPassword("wrong password") from error


def _wrapping_key(password: bytes, salt: bytes, rounds: int) -> bytes:
    # the library's own OpenSSL takes half the time of the system's: it is what a person waits for
    kdf = PBKDF2HMAC(SHA256(), 16, _ALG.encode() + b"\0" + salt, rounds)
    return kdf.derive(password)
