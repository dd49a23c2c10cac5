"""`newel ca acme account rekey`."""

from newel.cli.acme import account_keys, accounts, directories
from newel.cli.connection import explained
from newel.cli.invocation import Invocation
from newel.cli.terminal import say


def run(call: Invocation) -> None:
    """Gives an account a new key; the old one is forgotten."""
    call.positionals(0)
    directory = directories.of(call)
    kept = accounts.named(call, directory.url)
    with explained():
        account = account_keys.replaced(directory, kept)
    say("Account", account.url)
    say("Private Key", str(kept.path))
