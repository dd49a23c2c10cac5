"""`newel crypto nacl sign sign`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import key, show
from newel.cli.store.standard_input import text_or_answer

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLSignSignOptions


def run(options: "CryptoNACLSignSignOptions") -> None:
    """Print the signature of stdin and stdin itself, in one."""
    from nacl.signing import SigningKey

    (name,) = options.positionals(1)
    signer = SigningKey(key(name, 64, "private key")[:32])
    show(
        bytes(signer.sign(text_or_answer("Please enter text to sign"))),
        raw=options.raw,
        json=options.json,
    )
