"""`newel ca acme eab remove`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.administration import admin_session, external_keys
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEEABRemoveOptions


def run(options: "CAACMEEABRemoveOptions") -> None:
    """Remove a key."""
    from newel.client import admin_calls

    name, identifier = options.positionals(2)
    with (
        admin_session.open_session(admin_options(options)) as session,
        external_keys.explain_refusals("removing ACME EAB key"),
    ):
        are_revoked = session.send(
            admin_calls.remove_external_key(
                name, identifier, revoke_accounts=options.revoke_accounts
            )
        )
    if options.revoke_accounts and not are_revoked:
        raise CliError(
            "the key was removed, but this authority revokes no accounts with it: they stay"
        )
    print("Key was deleted successfully!")
