"""`newel crypto nacl secretbox seal`."""

from newel.cli.operations.crypto.nacl_files import key, nonce, show
from newel.cli.options.invocation import Invocation
from newel.cli.store.standard_input import text_or_answer


def run(call: Invocation) -> None:
    """Encrypts stdin under a key file of 32 octets."""
    from nacl.secret import SecretBox

    text, name = call.positionals(2)
    number = nonce(text)
    box = SecretBox(key(name, 32, "key"))
    message = text_or_answer("Please enter text to seal")
    show(call, box.encrypt(message, number).ciphertext)
