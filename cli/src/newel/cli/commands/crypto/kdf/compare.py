"""`newel crypto kdf compare`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import ask_password
from newel.cli.operations.crypto.passwords_phc import matches

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_kdf import CryptoKDFCompareOptions


def run(options: "CryptoKDFCompareOptions") -> None:
    """Print ok when a password has the PHC string; fails with "fail" when not."""
    given = options.positionals(1, 2)
    if len(given) == 2 and not options.insecure:
        raise UsageError("positional argument <input> requires the '--insecure' flag")
    password = (
        given[1]
        if len(given) == 2
        else ask_password(
            "Please enter the password to compare", answer_by="the second argument, with --insecure"
        )
    )
    if not matches(password.encode(), given[0]):
        raise CliError("fail")
    print("ok")
