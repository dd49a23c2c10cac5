"""The key of a JWK provisioner: made now, or taken from files."""

from typing import Any, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.passwords import new_password
from newel.cli.jose import jwk_files
from newel.cli.operations.keys.key_passwords import password_for
from newel.cli.store.files import read

Record = dict[str, Any]
PROMPT = "Please enter a password to encrypt the provisioner private key"
REENCRYPT_PROMPT = "Please enter the password to encrypt the private JWK"


class KeyFlags(NamedTuple):
    """Where the key of a JWK provisioner comes from."""

    create: bool = False
    public_key: str | None = None
    private_key: str | None = None
    private_key_given: bool = False
    """Whether --private-key stands on the command line, perhaps empty."""
    password_file: str | None = None


def members(options: KeyFlags) -> Record:
    """Return ``key`` and, unless only a public key was given, ``encryptedKey``. Raises CliError."""
    if options.create:
        return generate(options.password_file)
    if not options.public_key:
        raise UsageError("'--create false' requires the '--public-key' flag")
    found: Record = {}
    change(options, found)
    return found


def change(options: KeyFlags, record: Record) -> None:
    """Replace the named members; an empty --private-key removes the escrowed key. Raises CliError."""
    if options.create:
        record |= generate(options.password_file)
        return
    if options.public_key:
        record["key"] = public_key(options.public_key)
    if options.private_key:
        record["encryptedKey"] = encrypt_key(options.private_key, options.password_file)
    elif options.private_key_given:
        record.pop("encryptedKey", None)


def generate(password_file: str | None) -> Record:
    """Return a new key, its private part encrypted."""
    from newel.step import escrow

    whole = escrow.new_jwk_provisioner("", new_password(password_file, PROMPT))
    return {name: whole[name] for name in ("key", "encryptedKey")}


def public_key(name: str) -> Record:
    """Return the public key of a file, with an id. Raises CliError."""
    public = jwk_files.parse(read(name), name)
    if jwk_files.is_private(public):
        raise CliError(f"{name} holds a private key: give it by '--private-key'")
    key = public if public.get("kid") else public | {"kid": jwk_files.thumbprint(public)}
    return jwk_files.sort_members(key)


def encrypt_key(name: str, password_file: str | None) -> str:
    """Return the private key of a file as a compact JWE: as it is there, or encrypted now. Raises CliError."""
    from newel.cli.operations.keys.key_output import json_text
    from newel.jose import jwe

    data = read(name)
    if jwk_files.is_encrypted(data):
        from newel.cli.jose.jwe_messages import compact

        return compact(data)
    text = json_text(jwk_files.parse(data, name), None)
    return jwe.encrypt_with_password(text, new_password(password_file, PROMPT))


def of_file(name: str, password_file: str | None) -> dict[str, Any]:
    """``key`` and ``encryptedKey`` of a file with a private key, encrypted again. Raises CliError."""
    from newel.cli.operations.keys.key_output import json_text
    from newel.jose import jwe

    private = jwk_files.parse(read(name), name, password_file)
    if not private.get("d"):
        raise CliError(f"{name} holds no private key: give a public one by '--public-key'")
    private["kid"] = private.get("kid") or jwk_files.thumbprint(private)
    sealed = jwe.encrypt_with_password(
        json_text(private, None), password_for("", password_file, REENCRYPT_PROMPT)
    )
    return {"key": jwk_files.public_of(private), "encryptedKey": sealed}
