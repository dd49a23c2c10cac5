"""Password hashes in the PHC string format: scrypt, argon2i, argon2id, and bcrypt's own."""

import base64
import hashlib
import hmac
import os
import re

from newel.cli.errors import CliError, UsageError

SALT, LENGTH = 16, 32
SCRYPT = (15, 8, 1)  # log2 N, r, p
ARGON2 = {"argon2i": (32768, 3, 4), "argon2id": (65536, 1, 4)}  # KiB, passes, lanes
MOST_MEMORY_KIB = 4 * 1024 * 1024
BCRYPT_LONGEST = 72

_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]+)\$([^$]+)")
_ARGON2 = re.compile(r"\$(argon2id?)\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([^$]+)\$([^$]+)")


def hash_password(password: bytes, alg: str) -> str:
    """Return the PHC string of a password with a fresh salt."""
    salt = os.urandom(SALT)
    if alg == "scrypt":
        ln, r, p = SCRYPT
        digest = _scrypt(password, salt, ln, r, p, LENGTH)
        return f"$scrypt$ln={ln},r={r},p={p}${_b64(salt)}${_b64(digest)}"
    if alg in ARGON2:
        memory, passes, lanes = ARGON2[alg]
        digest = _argon2(alg, password, salt, memory, passes, lanes, LENGTH)
        return f"${alg}$v=19$m={memory},t={passes},p={lanes}${_b64(salt)}${_b64(digest)}"
    if alg == "bcrypt":
        import bcrypt

        if len(password) > BCRYPT_LONGEST:
            raise CliError(f"bcrypt takes passwords of up to {BCRYPT_LONGEST} bytes")
        return bcrypt.hashpw(password, bcrypt.gensalt(10, b"2a")).decode()
    raise UsageError(f"invalid value '{alg}' for flag '--alg'")


def matches(password: bytes, phc: str) -> bool:
    """Say whether a password has this PHC string. Raises CliError for an invalid string."""
    if found := _SCRYPT.fullmatch(phc):
        ln, r, p = (int(number) for number in found.groups()[:3])
        expected = _unb64(found[5])
        return hmac.compare_digest(
            _scrypt(password, _unb64(found[4]), ln, r, p, len(expected)), expected
        )
    if found := _ARGON2.fullmatch(phc):
        memory, passes, lanes = (int(number) for number in found.groups()[1:4])
        expected = _unb64(found[6])
        return hmac.compare_digest(
            _argon2(found[1], password, _unb64(found[5]), memory, passes, lanes, len(expected)),
            expected,
        )
    if phc.startswith("$2"):
        import bcrypt

        try:
            return bcrypt.checkpw(password[:BCRYPT_LONGEST], phc.encode())
        except ValueError:
            pass
    raise CliError("invalid PHC string")


def _scrypt(password: bytes, salt: bytes, ln: int, r: int, p: int, length: int) -> bytes:
    _check_bounds(128 * r * (1 << ln) // 1024)
    return hashlib.scrypt(
        password,
        salt=salt,
        n=1 << ln,
        r=r,
        p=p,
        dklen=length,
        maxmem=256 * r * (1 << ln) + (1 << 20),
    )


def _argon2(
    alg: str, password: bytes, salt: bytes, memory: int, passes: int, lanes: int, length: int
) -> bytes:
    from cryptography.hazmat.primitives.kdf import argon2

    _check_bounds(memory)
    kind = argon2.Argon2id if alg == "argon2id" else argon2.Argon2i
    try:
        return kind(
            salt=salt, length=length, iterations=passes, lanes=lanes, memory_cost=memory
        ).derive(password)
    except ValueError as error:
        raise CliError(f"invalid PHC string: {error}") from None


def _check_bounds(kib: int) -> None:
    """Refuse parameters that would take too much memory or time."""
    if kib > MOST_MEMORY_KIB:
        raise CliError("invalid PHC string: it asks for more than 4 GiB of memory")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise CliError("invalid PHC string") from None
