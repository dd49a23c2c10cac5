"""`newel crypto nacl sign open`."""

from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key, plain, sealed_input
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints the message behind a signature, if the signature is right."""
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    (name,) = call.positionals(1)
    verifier = VerifyKey(key(name, 32, "public key"))
    try:
        plain(verifier.verify(sealed_input(call)))
    except (CryptoError, ValueError):
        raise CliError("error authenticating input") from None
