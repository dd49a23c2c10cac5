"""`newel crypto nacl secretbox open`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key, nonce, read_input, show_raw

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLSecretboxOpenOptions


def run(options: "CryptoNACLSecretboxOpenOptions") -> None:
    """Print the message in a box, if it was sealed with this key."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    text, name = options.positionals(2)
    number = nonce(text)
    box = SecretBox(key(name, 32, "key file"))
    try:
        show_raw(box.decrypt(read_input(raw=options.raw), number))
    except CryptoError:
        raise CliError("error authenticating or decrypting input") from None
