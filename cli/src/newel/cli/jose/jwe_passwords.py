"""JWE under a password: PBES2 (RFC 7518 §4.8) with every content encryption.

The JOSE library refuses as many rounds as key files have, so the content key is wrapped here and only the
content is the library's. The usual combination is newel.step.jwe's and needs no library.
"""

import hashlib
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from newel.cli.errors import CliError
from newel.step import jwe
from newel.step.jwk import b64url, unb64url

ALGORITHMS = {
    "PBES2-HS256+A128KW": ("sha256", 16),
    "PBES2-HS384+A192KW": ("sha384", 24),
    "PBES2-HS512+A256KW": ("sha512", 32),
}
"""The hash and the octets of the wrapping key."""

USUAL = ("PBES2-HS256+A128KW", "A256GCM")
MOST_ROUNDS = 10_000_000


def encrypt(header: dict[str, Any], plaintext: bytes, password: bytes) -> str:
    """The compact JWE; ``header`` names ``alg`` and ``enc``, rounds and salt are added."""
    from newel.cli.operations.keys.key_output import json_text

    salt = os.urandom(16)
    members = header | {"p2c": jwe.ROUNDS, "p2s": b64url(salt)}
    protected = b64url(json_text(dict(sorted(members.items())), None))
    content = content_encryption(str(header["enc"]))
    content_key, iv = os.urandom(content.cek_size // 8), os.urandom(content.iv_size // 8)
    key = wrapping_key(str(header["alg"]), password, salt, jwe.ROUNDS)
    ciphertext, tag = content.encrypt(plaintext, content_key, iv, protected.encode())
    parts = (aes_key_wrap(key, content_key), iv, ciphertext, tag)
    return ".".join((protected, *map(b64url, parts)))


def decrypt(compact: str, header: dict[str, Any], password: bytes) -> bytes | None:
    """What is inside; None when the password does not open it. Raises CliError for other JWEs."""
    try:
        if (header.get("alg"), header.get("enc")) == USUAL:
            return jwe.decrypt(compact, password)
        return decrypt_unusual(compact, header, password)
    except (jwe.WrongPassword, InvalidUnwrap, InvalidTag):
        return None
    except (ValueError, TypeError) as error:
        raise CliError(f"failed to decrypt JWE: {error}") from None


def decrypt_unusual(compact: str, header: dict[str, Any], password: bytes) -> bytes:
    """Any other combination."""
    alg, rounds = str(header.get("alg")), header.get("p2c")
    if alg not in ALGORITHMS:
        raise ValueError("it is not encrypted with a password")
    if not isinstance(rounds, int) or not 1 <= rounds <= MOST_ROUNDS:
        raise ValueError(f"between 1 and {MOST_ROUNDS} rounds are allowed")
    protected, *rest = compact.split(".")
    wrapped, iv, ciphertext, tag = map(unb64url, rest)
    key = wrapping_key(alg, password, unb64url(str(header.get("p2s", ""))), rounds)
    content = content_encryption(str(header.get("enc")))
    content_key = aes_key_unwrap(key, wrapped)
    from joserfc.errors import JoseError

    try:
        return bytes(content.decrypt(ciphertext, tag, content_key, iv, protected.encode()))
    except JoseError as error:
        raise InvalidTag from error


def wrapping_key(alg: str, password: bytes, salt: bytes, rounds: int) -> bytes:
    """The key that wraps the content key; the algorithm's name is part of the salt."""
    name, size = ALGORITHMS[alg]
    return hashlib.pbkdf2_hmac(name, password, alg.encode() + b"\0" + salt, rounds, size)


def content_encryption(enc: str) -> Any:
    """The library's implementation of ``enc``."""
    from joserfc.jwe import JWERegistry

    model = JWERegistry.algorithms["enc"].get(enc)
    if model is None:
        raise ValueError(f"unsupported content encryption {enc[:32]!r}")
    return model
