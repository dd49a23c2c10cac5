"""`newel ca acme account deactivate`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import confirm, say
from newel.cli.operations.acme import accounts, directories
from newel.cli.operations.connection import explain_refusals
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEAccountDeactivateOptions


def run(options: "CAACMEAccountDeactivateOptions") -> None:
    """Deactivate an account (RFC 8555 §7.3.6) and delete its key, which is useless afterwards."""
    from newel.client import acme_accounts, acme_transport

    options.positionals(0)
    directory = directories.find(options.acme, authority_options(options), options.provisioner)
    kept = accounts.find(options.require("account"), directory.url)
    key = accounts.key_of(kept)
    question = f"The account '{kept.name}' of {kept.directory} cannot be used again; go on"
    if not options.force and not confirm(question):
        raise CliError("the account stays")
    with explain_refusals():
        flow = acme_accounts.deactivate(directory.url, key)
        account = acme_transport.run(flow, directories.tls(directory))
    kept.path.unlink()
    say("Account", f"{account.url} ({account.status})")
