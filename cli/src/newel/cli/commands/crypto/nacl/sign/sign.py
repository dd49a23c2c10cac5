"""`newel crypto nacl sign sign`."""

from newel.cli.operations.crypto.nacl_files import key, show
from newel.cli.options.invocation import Invocation
from newel.cli.store.standard_input import text_or_answer


def run(call: Invocation) -> None:
    """Prints the signature of stdin and stdin itself, in one."""
    from nacl.signing import SigningKey

    (name,) = call.positionals(1)
    signer = SigningKey(key(name, 64, "private key")[:32])
    show(call, bytes(signer.sign(text_or_answer("Please enter text to sign"))))
