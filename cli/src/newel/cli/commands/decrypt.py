"""`newel decrypt`: the content of a JWE, by the recipient's private key."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.jose import jose_keys, jwe_messages
from newel.cli.options import output
from newel.cli.store.files import read
from newel.crypto.keys import PublicKey

if TYPE_CHECKING:
    from newel.cli.options.records.decrypt import DecryptOptions


def run(options: "DecryptOptions") -> None:
    """Decrypt a file or stdin with the key of --key; nothing is written of what does not open whole."""
    names = options.positionals(0, 1)
    name = options.require("key")
    message = jwe_messages.compact(read(names[0] if names else "-"))
    header = jwe_messages.header_of(message)
    key = jose_keys.read(name, jose_keys.KeyRequest("enc"), options.password_file)
    if isinstance(key.key, PublicKey):
        raise CliError(f"file {name} does not contain a valid private key")
    jose_keys.validate_encryption(key, str(header.get("alg", "")))
    try:
        plaintext = jwe_messages.decrypt(message, key)
    except CliError as error:
        # PEM keys go by their thumbprints, so an id of another kind says nothing before decryption failed
        meant = header.get("kid")
        if key.kid and meant and meant != key.kid:
            raise CliError(
                f"it is encrypted for the key {meant}, {name} is the key {key.kid}"
            ) from None
        raise CliError(f"{error}: {name} is not its key, or it was changed on its way") from None
    output.deliver(options, plaintext)
