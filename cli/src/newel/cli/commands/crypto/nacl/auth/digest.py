"""`newel crypto nacl auth digest`."""

import hmac
from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto.nacl_files import key
from newel.cli.store.standard_input import text_or_answer

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLAuthDigestOptions


SIZE = 32


def run(options: "CryptoNACLAuthDigestOptions") -> None:
    """Print the authenticator of stdin in hex."""
    (name,) = options.positionals(1)
    secret = key(name, SIZE, "key file")
    digest = authenticator(secret, text_or_answer("Please enter text to digest")).hex()
    if options.json:
        show_json({"digest": digest})
    else:
        print(digest)


def authenticator(secret: bytes, message: bytes) -> bytes:
    """Return the first half of an HMAC-SHA-512."""
    return hmac.digest(secret, message, "sha512")[:SIZE]
