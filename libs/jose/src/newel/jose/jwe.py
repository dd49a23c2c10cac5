"""JSON Web Encryption (RFC 7516), for keys and for passwords (RFC 7518 §4.8), by joserfc.

For each message the library may use the two algorithms that its header names, on sizes the
command line reads and with as many PBES2 iterations as key files have. ``C20P``
(draft-amringer-jose-chacha) runs on the cryptography library, because joserfc has it only with a
second cryptographic library.
"""

import json
import warnings
from collections.abc import Mapping
from copy import copy
from typing import Any, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from joserfc import jwa, jwe
from joserfc.errors import DecodeError, JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.registry import HeaderParameter

from newel.crypto import entropy
from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import base64url, jwk
from newel.jose.errors import DecryptionError, JOSEError, MalformedError

Key = PublicKey | PrivateKey | bytes
"""A key of the cryptography library, or the octets of a symmetric one."""

ROUNDS = 600_000
"""PBES2 iterations of what is encrypted here, as many as the step tools use."""

PASSWORD_ALGORITHMS = ("PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW")
PASSWORD_HEADER = {"alg": PASSWORD_ALGORITHMS[0], "cty": "jwk+json", "enc": "A256GCM"}
"""The header of a private JWK under a password, as the step tools write it."""

PARTS = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
_MAX_ROUNDS = 10_000_000  # a hostile file must not keep a processor for minutes
_MAX_CIPHERTEXT = 48 << 20  # characters: what 32 MiB become in base64url, and room
_FAILURES = (JoseError, ValueError, TypeError, LookupError, AssertionError)


def encrypt(plaintext: bytes, key: Key, header: Mapping[str, Any]) -> str:
    """Return the compact JWE for a key.

    ``header`` names ``alg`` and ``enc``; what the algorithm needs (``epk`` …) is added. Raises
    JOSEError when the key cannot be used so.
    """
    try:
        return _encrypt(plaintext, key, header)
    except _FAILURES as error:
        raise JOSEError(str(error)) from error


def encrypt_with_password(
    plaintext: bytes,
    password: bytes,
    header: Mapping[str, Any] = PASSWORD_HEADER,
    *,
    rounds: int = ROUNDS,
) -> str:
    """Return the compact JWE under a password; iterations and salt are added to the header."""
    salt = base64url.encode(entropy.random_bytes(16))
    members = {**header, "p2c": rounds, "p2s": salt}
    try:
        return _encrypt(plaintext, OctKey(password, password), members)
    except _FAILURES as error:
        raise JOSEError(str(error)) from error


def decrypt(message: str, key: Key) -> bytes:
    """Return the plaintext of a compact JWE.

    Raises MalformedError for what is no JWE, DecryptionError when the key does not open it.
    """
    header = read_header(message)
    try:
        return _decrypt(message, key, header)
    except (*_FAILURES, InvalidTag, InvalidUnwrap) as error:
        raise DecryptionError("the key does not open this JWE") from error


def decrypt_with_password(message: str, password: bytes) -> bytes:
    """Return the plaintext of a compact JWE.

    Raises MalformedError for what is not encrypted under a password, or under more than ten million
    iterations; DecryptionError when the password does not open it.
    """
    header = read_header(message)
    if header["alg"] not in PASSWORD_ALGORITHMS:
        raise MalformedError("the JWE is not encrypted with a password")
    rounds = header.get("p2c")
    if type(rounds) is not int or not 1 <= rounds <= _MAX_ROUNDS:
        raise MalformedError(f"malformed JWE: between 1 and {_MAX_ROUNDS} rounds are allowed")
    try:
        return _decrypt(message, OctKey(password, password), header)
    except (DecodeError, InvalidTag, InvalidUnwrap) as error:
        raise DecryptionError("wrong password") from error
    except _FAILURES as error:
        raise MalformedError(f"malformed JWE: {error}") from error


def read_header(message: str) -> dict[str, Any]:
    """Return the protected header of a compact JWE, which names ``alg`` and ``enc``.

    Every part must be strict base64url. Nothing is decrypted or believed yet.
    """
    parts = message.split(".", 5)
    if len(parts) != len(PARTS):
        raise MalformedError("compact JWE format must have five parts")
    octets, *_ = (base64url.decode(part, "JWE") for part in parts)
    try:
        header: object = json.loads(octets)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise MalformedError("the protected header is not a JSON object")
    members = cast("dict[str, Any]", header)
    if not isinstance(members.get("alg"), str) or not isinstance(members.get("enc"), str):
        raise MalformedError("the header does not name its algorithms")
    return members


def to_compact(data: bytes) -> str:
    """Return the compact form of a JWE in either serialization.

    Raises MalformedError when it has none: several recipients, unprotected headers, own AAD.
    """
    text = "".join(data.decode(errors="replace").split())
    if not text.startswith("{"):
        if text.count(".") != len(PARTS) - 1:
            raise MalformedError("compact JWE format must have five parts")
        return text
    try:
        value: dict[str, Any] = json.loads(text)
        recipients: list[dict[str, Any]] = value.get("recipients", [{}])
        merged = value | recipients[0]
        parts = [str(merged.get(part, "")) for part in PARTS]
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        raise MalformedError("not a JWE") from None
    if len(recipients) != 1 or value.get("unprotected") or recipients[0].get("header"):
        raise MalformedError("only one recipient, with no header of its own")
    if not merged.get("protected") or "ciphertext" not in merged or value.get("aad"):
        raise MalformedError("this JSON has no compact form")
    if "." in "".join(parts):
        raise MalformedError("illegal base64 data")
    return ".".join(parts)


def to_members(message: str) -> dict[str, str]:
    """Return the members of the flattened JSON form; one without an encrypted key omits it."""
    members: dict[str, str] = dict(zip(PARTS, message.split("."), strict=True))
    if not members["encrypted_key"]:
        del members["encrypted_key"]
    return members


def _encrypt(plaintext: bytes, key: Key | OctKey, header: Mapping[str, Any]) -> str:
    members = dict(sorted(header.items()))
    with warnings.catch_warnings(action="ignore"):  # of RSA1_5 and short keys, asked for by name
        return jwe.encrypt_compact(members, plaintext, _import_key(key), None, _registry(header))


def _decrypt(message: str, key: Key | OctKey, header: Mapping[str, Any]) -> bytes:
    with warnings.catch_warnings(action="ignore"):
        opened = jwe.decrypt_compact(message, _import_key(key), None, _registry(header))
    return opened.plaintext or b""


def _registry(header: Mapping[str, Any]) -> jwe.JWERegistry:
    """Return what the library may do with a message of this header."""
    alg, enc = str(header["alg"]), str(header["enc"])
    registry = jwe.JWERegistry(algorithms=[alg, enc, "DEF"], strict_check_header=False)
    algorithms = registry.algorithms["alg"]
    if alg in PASSWORD_ALGORITHMS:  # the library allows half of the iterations of a key file
        model = copy(algorithms[alg])
        model.more_header_registry = {
            "p2s": HeaderParameter("PBES2 Salt Input", "str", required=True),
            "p2c": HeaderParameter("PBES2 Count", "int", required=True),
        }
        algorithms = {alg: model}
    contents = registry.algorithms["enc"] | {_ChaCha20Poly1305.name: _ChaCha20Poly1305()}
    registry.algorithms = {"alg": algorithms, "enc": contents, "zip": registry.algorithms["zip"]}
    registry.max_ciphertext_length = _MAX_CIPHERTEXT
    registry.max_encrypted_key_length = 4096
    registry.max_protected_header_length = 64 * 1024
    return registry


def _import_key(key: Key | OctKey) -> ECKey | OctKey | RSAKey:
    """Return the key as joserfc has it, without members that would narrow its use."""
    if isinstance(key, OctKey):
        return key
    if isinstance(key, bytes):
        return OctKey.import_key(key)
    private = isinstance(key, PrivateKey)
    record = jwk.from_private_key(key) if private else jwk.from_public_key(key)
    members = msgspec.to_builtins(msgspec.structs.replace(record, alg=None, use=None, kid=None))
    return (RSAKey if record.kty == "RSA" else ECKey).import_key(members)


class _ChaCha20Poly1305(jwa.JWEEncModel):
    name = "C20P"
    description = "ChaCha20-Poly1305"
    cek_size = 256
    iv_size = 96

    def encrypt(self, plaintext: bytes, cek: bytes, iv: bytes, aad: bytes) -> tuple[bytes, bytes]:
        sealed = ChaCha20Poly1305(cek).encrypt(iv, plaintext, aad)
        return sealed[:-16], sealed[-16:]

    def decrypt(self, ciphertext: bytes, tag: bytes, cek: bytes, iv: bytes, aad: bytes) -> bytes:
        return ChaCha20Poly1305(cek).decrypt(iv, ciphertext + tag, aad)
