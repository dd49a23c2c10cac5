"""JSON Web Keys (RFC 7517) as the commands read and write them, in the clear or inside a JWE.

A JWK is a plain dict here, so that a file keeps what it says (chains, thumbprints) on its way through; the
key itself is checked by newel.jose.jwk.
"""

import json
from typing import TYPE_CHECKING, Any, cast

from newel.cli.errors import CliError
from newel.cli.interact.terminal import PASSWORD_FILE
from newel.cli.operations.keys.key_output import json_text

if TYPE_CHECKING:
    from newel.jose.jwk import JWK

MEMBERS = (
    "use", "kty", "kid", "crv", "alg", "k", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi",
    "x5u", "x5c", "x5t", "x5t#S256",
)  # fmt: skip # words in rows
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi"})
COMPACT_JWE_DOTS = 4

Jwk = dict[str, Any]


def is_jose(data: bytes) -> bool:
    """Say whether the octets look like a JWK or like a JWE that may hold one."""
    return data.lstrip().startswith(b"{") or data.strip().count(b".") == COMPACT_JWE_DOTS


def is_encrypted(data: bytes) -> bool:
    """Say whether the octets are a JWE in either serialization."""
    text = data.strip()
    if text.startswith(b"{"):
        try:
            return "ciphertext" in json.loads(text)
        except ValueError:
            return False
    return text.count(b".") == COMPACT_JWE_DOTS


def decrypt(
    data: bytes,
    name: str,
    password_file: str | None = None,
    prompt: str | None = None,
    answer_by: str = PASSWORD_FILE,
) -> bytes:
    """Decrypt a JWE, asking up to three times for its password; return other octets as they are."""
    if not is_encrypted(data):
        return data
    from newel.cli.jose.jwe_messages import decrypt_with_password
    from newel.cli.operations.keys.key_passwords import TRIES, password_for

    for _ in range(1 if password_file else TRIES):
        password = password_for(name, password_file, prompt, answer_by)
        plaintext = decrypt_with_password(data, password)
        if plaintext is not None:
            return plaintext
    raise CliError("failed to decrypt JWE: invalid password")


def parse(
    data: bytes,
    name: str,
    password_file: str | None = None,
    prompt: str | None = None,
    answer_by: str = PASSWORD_FILE,
) -> Jwk:
    """Return the JWK in ``data``, decrypted where it is encrypted, its key checked."""
    plaintext = decrypt(data, name, password_file, prompt, answer_by)
    try:
        value: object = json.loads(plaintext)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CliError(f"error reading {name}: unsupported format")
    jwk = sort_members(cast("Jwk", value))
    key_of(jwk, name)
    return jwk


def sort_members(jwk: Jwk) -> Jwk:
    """Return the members that are known, in the order key files have them; empty ones left out."""
    return {name: jwk[name] for name in MEMBERS if jwk.get(name)}


def key_of(jwk: Jwk, name: str = "key") -> Any:
    """Return the key: a private or public one of the library, or the octets of a symmetric one."""
    from newel.jose import base64url
    from newel.jose import jwk as codec

    try:
        if jwk.get("kty") == "oct":
            return base64url.decode(str(jwk["k"]))
        record = _record(jwk)
        return codec.to_private_key(record) if record.d else codec.to_public_key(record)
    except (ValueError, KeyError):
        raise CliError(f"error reading {name}: unsupported format") from None


def of_key(key: Any, *, kid: str = "", use: str = "", alg: str = "") -> Jwk:
    """Return the JWK of a key, with only the members beside it that are given."""
    from newel.crypto.keys import PrivateKey
    from newel.jose import base64url
    from newel.jose import jwk as codec

    if isinstance(key, bytes):
        members: Jwk = {"kty": "oct", "k": base64url.encode(key)}
    else:
        import msgspec

        record = (
            codec.from_private_key(key)
            if isinstance(key, PrivateKey)
            else codec.from_public_key(key)
        )
        members = msgspec.to_builtins(record)
    return sort_members(members | {"kid": kid, "use": use, "alg": alg})


def is_private(jwk: Jwk) -> bool:
    """Say whether it can sign and decrypt: it has a private half, or is symmetric."""
    return bool(jwk.get("d")) or jwk.get("kty") == "oct"


def public_of(jwk: Jwk) -> Jwk:
    """Return the JWK without private members; a symmetric key has no public half and stays as it is."""
    return {name: value for name, value in jwk.items() if name not in PRIVATE}


def thumbprint(jwk: Jwk) -> str:
    """Return the SHA-256 thumbprint (RFC 7638) in base64url."""
    from newel.jose import base64url

    return base64url.encode(_record(jwk).thumbprint())


def _record(jwk: Jwk) -> "JWK":
    """Return the members that concern the key, as the library has them."""
    import msgspec

    from newel.jose.jwk import JWK

    return msgspec.convert(
        {key: value for key, value in jwk.items() if isinstance(value, str)}, JWK
    )


def encrypt(jwk: Jwk, password: bytes, *, indent: int | None = 2) -> bytes:
    """Return the JWK in a flattened JSON JWE under a password (PBES2-HS256+A128KW, A256GCM)."""
    from newel.jose import jwe

    message = jwe.encrypt_with_password(json_text(jwk, None), password)
    return json_text(jwe.to_members(message), indent)
