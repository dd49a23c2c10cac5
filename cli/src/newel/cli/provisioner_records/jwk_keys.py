"""The key of a JWK provisioner: made now, or taken from files."""

from typing import TYPE_CHECKING, Any

from newel.cli import jwk_files
from newel.cli.errors import CliError, UsageError
from newel.cli.files import read
from newel.cli.key_files import password_for

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation

PROMPT = "Please enter a password to encrypt the provisioner private key"
ANEW = "Please enter the password to encrypt the private JWK"


def members(call: "Invocation") -> dict[str, Any]:
    """``key`` and, unless only a public key was given, ``encryptedKey``. Raises CliError."""
    from newel.cli.key_output import json_text
    from newel.step import escrow, jwe

    password_file = call.get("password-file")
    if call.on("create"):
        made = escrow.new_jwk_provisioner("", password_for("", password_file, PROMPT))
        return {name: made[name] for name in ("key", "encryptedKey")}
    if not call.get("public-key"):
        raise UsageError("'--create false' requires the '--public-key' flag")
    name = call.require("public-key")
    public = jwk_files.parse(read(name), name)
    if jwk_files.is_private(public):
        raise CliError(f"{name} holds a private key: give it by '--private-key'")
    key = public if public.get("kid") else public | {"kid": jwk_files.thumbprint(public)}
    found: dict[str, Any] = {"key": jwk_files.ordered(key)}
    private_file = call.get("private-key")
    if private_file:
        data = read(private_file)
        if jwk_files.is_encrypted(data):
            from newel.cli.jwe_messages import compact

            found["encryptedKey"] = compact(data)
        else:
            private = jwk_files.parse(data, private_file)
            text = json_text(private, None)
            found["encryptedKey"] = jwe.encrypt(text, password_for("", password_file, PROMPT))
    return found


def of_file(name: str, password_file: str | None) -> dict[str, Any]:
    """``key`` and ``encryptedKey`` of a file with a private key, encrypted anew. Raises CliError."""
    from newel.cli.key_output import json_text
    from newel.step import jwe

    private = jwk_files.parse(read(name), name, password_file)
    if not private.get("d"):
        raise CliError(f"{name} holds no private key: give a public one by '--public-key'")
    private["kid"] = private.get("kid") or jwk_files.thumbprint(private)
    sealed = jwe.encrypt(json_text(private, None), password_for("", password_file, ANEW))
    return {"key": jwk_files.public_of(private), "encryptedKey": sealed}
