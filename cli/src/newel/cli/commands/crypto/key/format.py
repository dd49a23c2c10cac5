"""`newel crypto key format`: the same key in another encoding."""

import sys
from pathlib import Path

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.jose import jwk_files
from newel.cli.operations.keys import key_files, key_output
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import write
from newel.crypto.keys import PrivateKey, PublicKey

FORMS = ("pem", "der", "ssh", "jwk")


def run(call: Invocation) -> None:
    """Prints or writes the key; without a form PEM becomes DER and everything else PEM."""
    name = (call.positionals(0, 1) or ["-"])[0]
    wanted = [form for form in FORMS if call.on(form)]
    if len(wanted) > 1:
        raise UsageError(f"flag '--{wanted[0]}' is incompatible with '--{wanted[1]}'")
    if call.on("no-password") and not call.on("insecure"):
        raise UsageError("flag '--no-password' requires the '--insecure' flag")
    found = key_files.load(name, call.get("password-file"), single=True)
    form = wanted[0] if wanted else "der" if found.form == "pem" else "pem"
    if isinstance(found.key, bytes):
        raise CliError("unsupported key type: a symmetric key has only the form of a JWK")
    key = found.key
    data = private(call, key, form) if isinstance(key, PrivateKey) else public(key, form)
    out = call.get("out")
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    mode = 0o600 if name == "-" else Path(name).stat().st_mode & 0o777
    write(out, data, mode=mode, force=call.on("force"))
    note(f"Your key has been saved in {out}.")


def private(call: Invocation, key: PrivateKey, form: str) -> bytes:
    """A private key in one of the forms; DER has no password."""
    pkcs8 = call.on("pkcs8")
    if form == "der":
        return key_output.private_der(key, pkcs8=pkcs8)
    password = None
    if not call.on("no-password"):
        password = key_files.password_for("", call.get("password-file"), key_output.ENCRYPT_PROMPT)
    if form == "pem":
        return key_output.private_pem(key, password, pkcs8=pkcs8)
    if form == "ssh":
        return key_output.openssh_private(key, password)
    jwk = jwk_files.of_key(key)
    if password is None:
        return key_output.json_text(jwk, None)
    return jwk_files.sealed(jwk, password, indent=None)


def public(key: PublicKey, form: str) -> bytes:
    """A public key in one of the forms."""
    if form == "der":
        from newel.crypto.keys import spki

        return spki(key)
    if form == "ssh":
        return key_output.openssh_public(key)
    if form == "jwk":
        return key_output.json_text(jwk_files.of_key(key), None)
    return key_output.public_pem(key)
