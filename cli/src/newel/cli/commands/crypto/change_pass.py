"""`newel crypto change-pass`: another password, or none, on a private key file."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.jose import jwk_files
from newel.cli.operations.keys import key_files, key_output, key_passwords
from newel.cli.store.files import read, write
from newel.crypto.keys import PrivateKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoChangePassOptions


def run(options: "CryptoChangePassOptions") -> None:
    """Open the key with its old password and write it under the new one, in the form it had."""
    (name,) = options.positionals(1)
    if options.no_password and not options.insecure:
        raise UsageError("flag '--no-password' requires the '--insecure' flag")
    out = options.out or name
    data = read(name)
    old = options.password_file
    is_pem = key_files.is_pem(data)
    text = pem(options, data, name, out, old) if is_pem else jwk(options, data, name, old)
    write(out, text, force=options.force)
    note(f"Your key has been saved in {out}.")


def pem(
    options: "CryptoChangePassOptions", data: bytes, name: str, out: str, old: str | None
) -> bytes:
    """Return the PEM or OpenSSH file with the new password."""
    key = key_files.from_pem(data, name, old, single=True)
    if not isinstance(key, PrivateKey):
        raise CliError(f"file {name} does not contain a private key")
    password = new_password(options, f"Please enter the password to encrypt {out}")
    label = key_files.key_blocks(data, name)[0].label
    if label == "OPENSSH PRIVATE KEY":
        return key_output.openssh_private(key, password)
    pkcs8 = label in {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}
    return key_output.private_pem(key, password, pkcs8=pkcs8)


def jwk(options: "CryptoChangePassOptions", data: bytes, name: str, old: str | None) -> bytes:
    """Return the JWK file with the new password."""
    key = jwk_files.parse(data, name, old)
    if not jwk_files.is_private(key):
        raise CliError(f"file {name} does not contain a private key")
    password = new_password(options, "Please enter the password to encrypt the private JWK")
    return key_output.json_text(key) if password is None else jwk_files.encrypt(key, password)


def new_password(options: "CryptoChangePassOptions", prompt: str) -> bytes | None:
    """Return the new password; None where the key gets none."""
    if options.no_password:
        return None
    return key_passwords.password_for(
        "", options.new_password_file, prompt, "--new-password-file FILE"
    )
