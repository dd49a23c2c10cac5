"""`newel crypto nacl auth digest`."""

import hmac

from newel.cli.crypto.nacl_files import key
from newel.cli.invocation import Invocation
from newel.cli.standard_input import text_or_answer
from newel.cli.terminal import show_json

SIZE = 32


def run(call: Invocation) -> None:
    """Prints the authenticator of stdin in hex."""
    (name,) = call.positionals(1)
    secret = key(name, SIZE, "key file")
    digest = authenticator(secret, text_or_answer("Please enter text to digest")).hex()
    if call.json:
        show_json({"digest": digest})
    else:
        print(digest)


def authenticator(secret: bytes, message: bytes) -> bytes:
    """The first half of HMAC-SHA-512."""
    return hmac.digest(secret, message, "sha512")[:SIZE]
