"""`newel crypto nacl box seal`."""

from newel.cli.operations.crypto.nacl_files import key, nonce, show
from newel.cli.options.invocation import Invocation
from newel.cli.store.standard_input import text_or_answer


def run(call: Invocation) -> None:
    """Encrypts stdin from one key pair to another."""
    from nacl.public import Box, PrivateKey, PublicKey

    text, public, private = call.positionals(3)
    number = nonce(text)
    recipient = PublicKey(key(public, 32, "public key"))
    sender = PrivateKey(key(private, 32, "private key"))
    message = text_or_answer("Please enter text to seal")
    show(call, Box(sender, recipient).encrypt(message, number).ciphertext)
