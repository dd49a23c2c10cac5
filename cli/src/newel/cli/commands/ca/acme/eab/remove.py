"""`newel ca acme eab remove`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_session, external_keys

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAACMEEABRemoveOptions


def run(options: "CAACMEEABRemoveOptions") -> None:
    """Takes a key away."""
    from newel.client import admin_calls

    name, identifier = options.positionals(2)
    with (
        admin_session.opened(options) as session,
        external_keys.explained("removing ACME EAB key"),
    ):
        session.send(admin_calls.remove_external_key(name, identifier))
    print("Key was deleted successfully!")
