"""`newel crypto kdf hash`."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import ask_password
from newel.cli.operations.crypto.passwords_phc import hash_password

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_kdf import CryptoKDFHashOptions


def run(options: "CryptoKDFHashOptions") -> None:
    """Print the PHC string of a password."""
    given = options.positionals(0, 1)
    if given and not options.insecure:
        # an argument is seen by every user of the machine and kept in the shell's history
        raise UsageError("positional argument <input> requires the '--insecure' flag")
    password = (
        given[0]
        if given
        else ask_password(
            "Please enter the password to hash", answer_by="the argument, with --insecure"
        )
    )
    print(hash_password(password.encode(), options.alg or "scrypt"))
