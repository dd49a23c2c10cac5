"""`newel ca acme account rekey`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import say
from newel.cli.operations.acme import account_keys, accounts, directories
from newel.cli.operations.connection import explained

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAACMEAccountRekeyOptions


def run(options: "CAACMEAccountRekeyOptions") -> None:
    """Gives an account a new key; the old one is forgotten."""
    options.positionals(0)
    directory = directories.of(options)
    kept = accounts.named(options, directory.url)
    with explained():
        account = account_keys.replaced(directory, kept)
    say("Account", account.url)
    say("Private Key", str(kept.path))
