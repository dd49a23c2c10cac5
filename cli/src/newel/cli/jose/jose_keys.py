"""The key a JOSE command works with: which one, and what it may be used for.

A key comes from --key (JWK, PEM, OpenSSH, or plain octets for HMAC) or from --jwks, which needs a key id.
Its algorithm is its own where it names one; a flag may fill a gap, but not contradict it without --subtle.
"""

import json
from dataclasses import dataclass
from typing import NamedTuple, cast

from newel.cli.errors import CliError, UsageError
from newel.cli.jose import jwk_files
from newel.cli.jose.jose_algorithms import HMAC, default_algorithm, encryptions_of, signatures_of
from newel.cli.jose.jose_key import JOSEKey
from newel.cli.operations.keys import key_files, key_material
from newel.cli.operations.web_files import read_file_or_url
from newel.cli.store.files import utf_8
from newel.crypto.keys import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What the flags say about the key: its use, algorithm, id, and how strict to be."""

    use: str
    alg: str = ""
    kid: str = ""
    subtle: bool = False
    fixed_only: bool = False
    """An RSA or symmetric key without an algorithm stays without: several would fit."""


class KeySource(NamedTuple):
    """The files that --key, --jwks and --password-file name."""

    key: str | None = None
    jwks: str | None = None
    password_file: str | None = None


def choose(source: KeySource, wanted: KeyRequest, *, other: str = "jwks") -> JOSEKey:
    """Return the key of --key or of --jwks. Raises UsageError unless exactly one is given."""
    require_source(source, other)
    if source.key:
        return read(source.key, wanted, source.password_file)
    if not wanted.kid:
        raise UsageError("flag '--kid' requires the '--jwks' flag")
    return read_from_set(str(source.jwks), wanted, source.password_file)


def require_source(source: KeySource, other: str = "jwks") -> None:
    """Raise UsageError unless exactly one of --key and --jwks is given."""
    if source.key and source.jwks:
        raise UsageError("flag '--key' and flag '--jwks' are mutually exclusive")
    if not source.key and not source.jwks:
        raise UsageError(f"one of flag --key or --{other} is required")


def read(name: str, wanted: KeyRequest, password_file: str | None = None) -> JOSEKey:
    """Return the key in a file or at an https address."""
    return of_data(read_file_or_url(name), name, wanted, password_file)


def of_data(
    data: bytes, name: str, wanted: KeyRequest, password_file: str | None = None
) -> JOSEKey:
    """Return the key in some octets; ``name`` is what errors and prompts call it."""
    text = utf_8(data)
    if key_files.is_pem(text) or key_files.ssh_line(text):
        key = key_files.parse(text, name, password_file, single=True).key
        jwk = jwk_files.of_key(key)
        jwk["kid"] = wanted.kid or jwk_files.thumbprint(jwk)
    elif wanted.alg in HMAC and not is_jwk(text):
        key, jwk = data, jwk_files.of_key(data)
    else:
        jwk = jwk_files.parse(text, name, password_file)
        key = jwk_files.key_of(jwk, name)
    kid = str(jwk.get("kid", ""))
    if wanted.kid and kid and wanted.kid != kid:
        raise CliError(f"kid {wanted.kid} does not match the kid on {name}")
    members = {"kid": wanted.kid, "use": wanted.use} | jwk
    return with_algorithm(key, members, name, wanted)


def read_from_set(name: str, wanted: KeyRequest, password_file: str | None = None) -> JOSEKey:
    """Return the key with the wanted id in a JWK set, which may be encrypted."""
    plaintext = jwk_files.decrypt(utf_8(read_file_or_url(name)), name, password_file)
    return of_set(plaintext, name, wanted)


def of_set(plaintext: bytes, name: str, wanted: KeyRequest) -> JOSEKey:
    """Return the key with the wanted id in the octets of a set."""
    found = [key for key in keys_of_set(plaintext, name) if key.get("kid") == wanted.kid]
    if not found:
        raise CliError(f"cannot find key with kid {wanted.kid} on {name}")
    if len(found) > 1:
        raise CliError(f"multiple keys with kid {wanted.kid} have been found on {name}")
    return with_algorithm(jwk_files.key_of(found[0], name), found[0], name, wanted)


def keys_of_set(text: bytes, name: str) -> list[jwk_files.Jwk]:
    """Return the keys of a JWK set (RFC 7517 §5)."""
    try:
        keys: object = json.loads(text)["keys"]
    except (ValueError, KeyError, TypeError):
        keys = None
    if not isinstance(keys, list):
        raise CliError(f"error reading {name}: unsupported format")
    members = [
        cast("jwk_files.Jwk", key) for key in cast("list[object]", keys) if isinstance(key, dict)
    ]
    return [jwk_files.sort_members(key) for key in members]


def is_jwk(data: bytes) -> bool:
    """Say whether the octets are a JWK or JWE rather than a bare HMAC key."""
    try:
        return jwk_files.is_encrypted(data) or isinstance(json.loads(data), dict)
    except ValueError:
        return False


def is_set(data: bytes) -> bool:
    """Say whether the octets are a JWK set rather than one key."""
    try:
        value: object = json.loads(data)
    except ValueError:
        return False
    return isinstance(value, dict) and "keys" in value


def with_algorithm(
    key: key_material.Material, jwk: jwk_files.Jwk, name: str, wanted: KeyRequest
) -> JOSEKey:
    """Return the key with its algorithm settled."""
    own = str(jwk.get("alg", ""))
    if own and wanted.alg and own != wanted.alg and not wanted.subtle:
        raise CliError(f"alg {wanted.alg} does not match the alg on {name}")
    use = str(jwk.get("use", ""))
    if wanted.subtle and wanted.alg:
        alg = wanted.alg
    else:
        alg = own or wanted.alg or default_algorithm(key, use, fixed_only=wanted.fixed_only)
    return JOSEKey(key, jwk_files.sort_members(jwk | {"alg": alg}))


def validate(key: JOSEKey) -> None:
    """Raise CliError when the algorithm does not fit the key and its use."""
    if key.use == "sig":
        validate_signing(key)
    elif key.use == "enc":
        validate_encryption(key, key.alg)


def validate_signing(key: JOSEKey) -> None:
    """Refuse an algorithm that the key cannot sign or verify with."""
    if not key.alg:
        raise CliError("flag '--alg' is required with the given key")
    options, kind = signatures_of(key.key)
    if key.alg not in options:
        raise CliError(f"alg '{key.alg}' is not compatible with {kind}")


def validate_encryption(key: JOSEKey, alg: str) -> None:
    """Refuse an algorithm that cannot manage a content key with this key."""
    options, kty = encryptions_of(key.key)
    if alg not in options:
        raise CliError(f"alg '{alg}' is not compatible with kty '{kty}'")


def for_signing(key: JOSEKey) -> PrivateKey | bytes:
    """Return the signing key. Raises CliError for a public key and for one with another use."""
    if isinstance(key.key, PublicKey):
        raise CliError("cannot use a public key for signing")
    if key.use not in {"", "sig"}:
        raise CliError(f"invalid jwk use: found '{key.use}', expecting 'sig' (signature)")
    if not key.alg:
        raise CliError("flag '--alg' is required with the given key")
    validate_signing(key)
    return key.key
