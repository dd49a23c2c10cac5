"""`newel crypto nacl box seal`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import key, nonce, show
from newel.cli.store.standard_input import text_or_answer

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLBoxSealOptions


def run(options: "CryptoNACLBoxSealOptions") -> None:
    """Encrypt stdin from one key pair to another."""
    from nacl.public import Box, PrivateKey, PublicKey

    text, public, private = options.positionals(3)
    number = nonce(text)
    recipient = PublicKey(key(public, 32, "public key"))
    sender = PrivateKey(key(private, 32, "private key"))
    message = text_or_answer("Please enter text to seal")
    show(
        Box(sender, recipient).encrypt(message, number).ciphertext,
        raw=options.raw,
        json=options.json,
    )
