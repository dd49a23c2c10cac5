"""`newel ca acme account rekey`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import say
from newel.cli.operations.acme import account_keys, accounts, directories
from newel.cli.operations.connection import explain_refusals
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEAccountRekeyOptions


def run(options: "CAACMEAccountRekeyOptions") -> None:
    """Replace the key of an account; the old one is deleted."""
    options.positionals(0)
    directory = directories.find(options.acme, authority_options(options), options.provisioner)
    kept = accounts.find(options.require("account"), directory.url)
    with explain_refusals():
        account = account_keys.replace_key(directory, kept)
    say("Account", account.url)
    say("Private Key", str(kept.path))
