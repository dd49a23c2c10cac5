"""`newel ca acme eab remove`."""

from newel.cli.operations.administration import admin_session, external_keys
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Takes a key away."""
    from newel.client import admin_calls

    name, identifier = call.positionals(2)
    with (
        admin_session.opened(call) as session,
        external_keys.explained("removing ACME EAB key"),
    ):
        session.send(admin_calls.remove_external_key(name, identifier))
    print("Key was deleted successfully!")
