"""JWE (RFC 7516) in both serializations, to and from a key or a password."""

import json
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from newel.cli.errors import CliError
from newel.cli.jose import jwe_passwords, jwk_files
from newel.cli.jose.jose_keys import JoseKey
from newel.cli.store.files import LARGEST_INPUT

CANNOT_DECRYPT = "error decrypting data: error in cryptographic primitive"
PARTS = ("protected", "encrypted_key", "iv", "ciphertext", "tag")


def compact(data: bytes) -> str:
    """The compact form of a JWE in either serialization. Raises CliError for what is none."""
    text = "".join(data.decode(errors="replace").split())
    if not text.startswith("{"):
        if text.count(".") != 4:
            raise CliError("error parsing data: compact JWE format must have five parts")
        return text
    try:
        value: dict[str, Any] = json.loads(text)
        recipients: list[dict[str, Any]] = value.get("recipients", [{}])
        if len(recipients) != 1 or value.get("unprotected") or recipients[0].get("header"):
            raise CliError("error parsing data: only one recipient, with no header of its own")
        merged = value | recipients[0]
        if not merged.get("protected") or "ciphertext" not in merged or value.get("aad"):
            raise CliError("error parsing data: this JSON has no compact form")
        parts = [str(merged.get(part, "")) for part in PARTS]
    except (ValueError, AttributeError, TypeError, LookupError):
        raise CliError("error parsing data: not a JWE") from None
    if "." in "".join(parts):
        raise CliError("error parsing data: illegal base64 data")
    return ".".join(parts)


def full(compact_form: str) -> str:
    """The flattened JSON form of a compact JWE; one without an encrypted key says nothing of it."""
    members = dict(zip(PARTS, compact_form.split("."), strict=True))
    if not members["encrypted_key"]:
        del members["encrypted_key"]
    return json.dumps(members, separators=(",", ":"))


def header_of(compact_form: str) -> dict[str, Any]:
    """The protected header."""
    from newel.step.jwk import unb64url

    try:
        value: object = json.loads(unb64url(compact_form.split(".", maxsplit=1)[0]))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CliError("error parsing data: the protected header is not a JSON object")
    return cast("dict[str, Any]", value)


def encrypt(header: dict[str, Any], plaintext: bytes, key: JoseKey | bytes) -> str:
    """The compact JWE for a key, or for the octets of a password.

    ``header`` names ``alg`` and ``enc``; what the algorithm adds (epk, p2s …) is added.
    """
    from joserfc import jwe
    from joserfc.errors import JoseError

    alg, enc = str(header["alg"]), str(header["enc"])
    if isinstance(key, bytes):
        return jwe_passwords.encrypt(header, plaintext, key)
    try:
        with quiet():
            return jwe.encrypt_compact(
                dict(sorted(header.items())), plaintext, key_for(key), None, registry(alg, enc)
            )
    except (JoseError, ValueError) as error:
        raise CliError(f"error encrypting data: {error}") from None


def decrypt(compact_form: str, key: JoseKey | bytes) -> bytes:
    """What is inside. Raises CliError when the key or password does not open it."""
    from joserfc import jwe
    from joserfc.errors import JoseError

    header = header_of(compact_form)
    alg, enc = header.get("alg"), header.get("enc")
    if not isinstance(alg, str) or not isinstance(enc, str):
        raise CliError("error parsing data: the header does not name its algorithms")
    if isinstance(key, bytes):
        plaintext = jwe_passwords.decrypt(compact_form, header, key)
        if plaintext is None:
            raise CliError(CANNOT_DECRYPT)
        return plaintext
    try:
        with quiet():
            opened = jwe.decrypt_compact(compact_form, key_for(key), None, registry(alg, enc))
    except (JoseError, ValueError, TypeError, LookupError, InvalidUnwrap, InvalidTag):
        raise CliError(CANNOT_DECRYPT) from None
    return opened.plaintext or b""


def registry(alg: str, enc: str) -> Any:
    """What the library may do: these algorithms only, on messages as long as the commands read."""
    from joserfc.jwe import JWERegistry

    from newel.cli.jose import chacha20

    if enc == chacha20.NAME:
        chacha20.register()
    allowed = JWERegistry(algorithms=[alg, enc, "DEF"], strict_check_header=False)
    allowed.max_ciphertext_length = LARGEST_INPUT * 4 // 3 + 4
    allowed.max_encrypted_key_length = 4096
    allowed.max_protected_header_length = 64 * 1024
    return allowed


def quiet() -> Any:
    """The library warns of RSA1_5 and of short passwords, which the user asked for by name."""
    import warnings

    return warnings.catch_warnings(action="ignore")


def key_for(key: JoseKey) -> Any:
    """The key as the library has it, without members that would narrow its use."""
    from joserfc.jwk import ECKey, OctKey, RSAKey

    if isinstance(key.key, bytes):
        return OctKey.import_key(key.key)
    bare = jwk_files.of_key(key.key)
    return (RSAKey if bare["kty"] == "RSA" else ECKey).import_key(bare)


def decrypt_with_password(data: bytes, password: bytes) -> bytes | None:
    """What is inside; None when the password does not open it."""
    message = compact(data)
    return jwe_passwords.decrypt(message, header_of(message), password)
