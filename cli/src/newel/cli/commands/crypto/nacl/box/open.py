"""`newel crypto nacl box open`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key, nonce, read_input, show_raw

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLBoxOpenOptions


def run(options: "CryptoNACLBoxOpenOptions") -> None:
    """Print the message in a box, if it comes from that sender."""
    from nacl.exceptions import CryptoError
    from nacl.public import Box, PrivateKey, PublicKey

    text, public, private = options.positionals(3)
    number = nonce(text)
    sender = PublicKey(key(public, 32, "public key"))
    recipient = PrivateKey(key(private, 32, "private key"))
    try:
        show_raw(Box(recipient, sender).decrypt(read_input(raw=options.raw), number))
    except CryptoError:
        raise CliError("error authenticating or decrypting input") from None
