"""JWE (RFC 7516) as the commands read and write it: the library's, with the original's errors."""

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Generator

    from newel.cli.jose.jose_key import JOSEKey

CANNOT_DECRYPT = "error decrypting data: error in cryptographic primitive"


def compact(data: bytes) -> str:
    """Return the compact form of a JWE in either serialization, or raise CliError."""
    from newel.jose import jwe

    with _errors_as("error parsing data"):
        return jwe.to_compact(data)


def full(message: str) -> str:
    """Return the flattened JSON form of a compact JWE."""
    from newel.jose import jwe

    return json.dumps(jwe.to_members(message), separators=(",", ":"))


def header_of(message: str) -> dict[str, Any]:
    """Return the protected header of a compact JWE, or raise CliError."""
    from newel.jose import jwe

    with _errors_as("error parsing data"):
        return jwe.read_header(message)


def encrypt(header: dict[str, Any], plaintext: bytes, key: "JOSEKey | bytes") -> str:
    """Return the compact JWE for a key, or for the octets of a password.

    ``header`` names ``alg`` and ``enc``; what the algorithm needs (epk, p2s …) is added.
    """
    from newel.jose import jwe

    with _errors_as("error encrypting data"):
        if isinstance(key, bytes):
            return jwe.encrypt_with_password(plaintext, key, header)
        return jwe.encrypt(plaintext, key.key, header)


def decrypt(message: str, key: "JOSEKey | bytes") -> bytes:
    """Return the plaintext. Raises CliError when the key or password does not open it."""
    from newel.jose import jwe
    from newel.jose.errors import DecryptionError

    header_of(message)
    try:
        with _errors_as("failed to decrypt JWE"):
            if isinstance(key, bytes):
                return jwe.decrypt_with_password(message, key)
            return jwe.decrypt(message, key.key)
    except DecryptionError:
        raise CliError(CANNOT_DECRYPT) from None


def decrypt_with_password(data: bytes, password: bytes) -> bytes | None:
    """Return the plaintext, or None when the password does not open it."""
    from newel.jose import jwe
    from newel.jose.errors import DecryptionError

    message = compact(data)
    header_of(message)
    try:
        with _errors_as("failed to decrypt JWE"):
            return jwe.decrypt_with_password(message, password)
    except DecryptionError:
        return None


@contextmanager
def _errors_as(prefix: str) -> "Generator[None]":
    """Turn the library's errors, but for a wrong key or password, into the command line's."""
    from newel.jose.errors import DecryptionError, JOSEError

    try:
        yield
    except DecryptionError:
        raise
    except JOSEError as error:
        raise CliError(f"{prefix}: {error}") from None
