"""`newel ca acme account rekey`."""

from newel.cli.interact.terminal import say
from newel.cli.operations.acme import account_keys, accounts, directories
from newel.cli.operations.connection import explained
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Gives an account a new key; the old one is forgotten."""
    call.positionals(0)
    directory = directories.of(call)
    kept = accounts.named(call, directory.url)
    with explained():
        account = account_keys.replaced(directory, kept)
    say("Account", account.url)
    say("Private Key", str(kept.path))
