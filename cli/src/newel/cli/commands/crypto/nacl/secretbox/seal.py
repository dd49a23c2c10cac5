"""`newel crypto nacl secretbox seal`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import key, nonce, show
from newel.cli.store.standard_input import text_or_answer

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLSecretboxSealOptions


def run(options: "CryptoNACLSecretboxSealOptions") -> None:
    """Encrypt stdin under a key file of 32 octets."""
    from nacl.secret import SecretBox

    text, name = options.positionals(2)
    number = nonce(text)
    box = SecretBox(key(name, 32, "key"))
    message = text_or_answer("Please enter text to seal")
    show(box.encrypt(message, number).ciphertext, raw=options.raw, json=options.json)
