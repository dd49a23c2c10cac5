"""`newel crypto key format`: the same key in another encoding."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.jose import jwk_files
from newel.cli.operations.keys import key_files, key_output, key_passwords
from newel.cli.store.files import write
from newel.crypto.keys import PrivateKey, PublicKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_key import CryptoKeyFormatOptions


FORMS = ("pem", "der", "ssh", "jwk")


def run(options: "CryptoKeyFormatOptions") -> None:
    """Print or write the key; without a form PEM becomes DER and everything else PEM."""
    name = (options.positionals(0, 1) or ["-"])[0]
    wanted = [form for form in FORMS if options.on(form)]
    if len(wanted) > 1:
        raise UsageError(f"flag '--{wanted[0]}' is incompatible with '--{wanted[1]}'")
    if options.no_password and not options.insecure:
        raise UsageError("flag '--no-password' requires the '--insecure' flag")
    found = key_files.load(name, options.password_file, single=True)
    form = wanted[0] if wanted else "der" if found.form == "pem" else "pem"
    if isinstance(found.key, bytes):
        raise CliError("unsupported key type: a symmetric key has only the form of a JWK")
    key = found.key
    data = private(options, key, form) if isinstance(key, PrivateKey) else public(key, form)
    out = options.out
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    mode = 0o600 if name == "-" else Path(name).stat().st_mode & 0o777
    write(out, data, mode=mode, force=options.force)
    note(f"Your key has been saved in {out}.")


def private(options: "CryptoKeyFormatOptions", key: PrivateKey, form: str) -> bytes:
    """Return a private key in one of the forms; DER has no password."""
    pkcs8 = options.pkcs8
    if form == "der":
        return key_output.private_der(key, pkcs8=pkcs8)
    password = None
    if not options.no_password:
        password = key_passwords.password_for("", options.password_file, key_output.ENCRYPT_PROMPT)
    if form == "pem":
        return key_output.private_pem(key, password, pkcs8=pkcs8)
    if form == "ssh":
        return key_output.openssh_private(key, password)
    jwk = jwk_files.of_key(key)
    if password is None:
        return key_output.json_text(jwk, None)
    return jwk_files.encrypt(jwk, password, indent=None)


def public(key: PublicKey, form: str) -> bytes:
    """Return a public key in one of the forms."""
    if form == "der":
        from newel.crypto.keys import spki

        return spki(key)
    if form == "ssh":
        return key_output.openssh_public(key)
    if form == "jwk":
        return key_output.json_text(jwk_files.of_key(key), None)
    return key_output.public_pem(key)
