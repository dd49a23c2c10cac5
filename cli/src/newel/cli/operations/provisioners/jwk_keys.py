"""The key of a JWK provisioner: made now, or taken from files."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.passwords import new_password
from newel.cli.jose import jwk_files
from newel.cli.operations.keys.key_files import password_for
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation

Record = dict[str, Any]
PROMPT = "Please enter a password to encrypt the provisioner private key"
ANEW = "Please enter the password to encrypt the private JWK"


def members(call: "Invocation") -> Record:
    """``key`` and, unless only a public key was given, ``encryptedKey``. Raises CliError."""
    if call.on("create"):
        return made(call)
    if not call.get("public-key"):
        raise UsageError("'--create false' requires the '--public-key' flag")
    found: Record = {}
    change(call, found)
    return found


def change(call: "Invocation", record: Record) -> None:
    """Replaces what the flags name; an empty --private-key takes the escrowed key away. Raises CliError."""
    if call.on("create"):
        record |= made(call)
        return
    if public := call.get("public-key"):
        record["key"] = public_key(public)
    if private := call.get("private-key"):
        record["encryptedKey"] = sealed_key(private, call.get("password-file"))
    elif call.given("private-key"):
        record.pop("encryptedKey", None)


def made(call: "Invocation") -> Record:
    """A new key of both parts."""
    from newel.step import escrow

    whole = escrow.new_jwk_provisioner("", new_password(call.get("password-file"), PROMPT))
    return {name: whole[name] for name in ("key", "encryptedKey")}


def public_key(name: str) -> Record:
    """The public key of a file, with an id. Raises CliError."""
    public = jwk_files.parse(read(name), name)
    if jwk_files.is_private(public):
        raise CliError(f"{name} holds a private key: give it by '--private-key'")
    key = public if public.get("kid") else public | {"kid": jwk_files.thumbprint(public)}
    return jwk_files.ordered(key)


def sealed_key(name: str, password_file: str | None) -> str:
    """The private key of a file as a compact JWE: as it is there, or encrypted now. Raises CliError."""
    from newel.cli.operations.keys.key_output import json_text
    from newel.jose import jwe

    data = read(name)
    if jwk_files.is_encrypted(data):
        from newel.cli.jose.jwe_messages import compact

        return compact(data)
    text = json_text(jwk_files.parse(data, name), None)
    return jwe.encrypt_with_password(text, new_password(password_file, PROMPT))


def of_file(name: str, password_file: str | None) -> dict[str, Any]:
    """``key`` and ``encryptedKey`` of a file with a private key, encrypted anew. Raises CliError."""
    from newel.cli.operations.keys.key_output import json_text
    from newel.jose import jwe

    private = jwk_files.parse(read(name), name, password_file)
    if not private.get("d"):
        raise CliError(f"{name} holds no private key: give a public one by '--public-key'")
    private["kid"] = private.get("kid") or jwk_files.thumbprint(private)
    sealed = jwe.encrypt_with_password(
        json_text(private, None), password_for("", password_file, ANEW)
    )
    return {"key": jwk_files.public_of(private), "encryptedKey": sealed}
