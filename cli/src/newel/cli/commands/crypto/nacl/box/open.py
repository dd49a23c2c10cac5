"""`newel crypto nacl box open`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key, nonce, plain, sealed_input

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoNACLBoxOpenOptions


def run(options: "CryptoNACLBoxOpenOptions") -> None:
    """Prints the message in a box, if it comes from that sender."""
    from nacl.exceptions import CryptoError
    from nacl.public import Box, PrivateKey, PublicKey

    text, public, private = options.positionals(3)
    number = nonce(text)
    sender = PublicKey(key(public, 32, "public key"))
    recipient = PrivateKey(key(private, 32, "private key"))
    try:
        plain(Box(recipient, sender).decrypt(sealed_input(options), number))
    except CryptoError:
        raise CliError("error authenticating or decrypting input") from None
