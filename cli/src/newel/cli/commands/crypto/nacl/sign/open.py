"""`newel crypto nacl sign open`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key, read_input, show_raw

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLSignOpenOptions


def run(options: "CryptoNACLSignOpenOptions") -> None:
    """Print the message behind a signature, if the signature is right."""
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    (name,) = options.positionals(1)
    verifier = VerifyKey(key(name, 32, "public key"))
    try:
        show_raw(verifier.verify(read_input(raw=options.raw)))
    except (CryptoError, ValueError):
        raise CliError("error authenticating input") from None
