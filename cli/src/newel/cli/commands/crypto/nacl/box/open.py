"""`newel crypto nacl box open`."""

from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key, nonce, plain, sealed_input
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints the message in a box, if it comes from that sender."""
    from nacl.exceptions import CryptoError
    from nacl.public import Box, PrivateKey, PublicKey

    text, public, private = call.positionals(3)
    number = nonce(text)
    sender = PublicKey(key(public, 32, "public key"))
    recipient = PrivateKey(key(private, 32, "private key"))
    try:
        plain(Box(recipient, sender).decrypt(sealed_input(call), number))
    except CryptoError:
        raise CliError("error authenticating or decrypting input") from None
