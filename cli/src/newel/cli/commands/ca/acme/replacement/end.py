"""`newel ca acme replacement end`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_session
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEReplacementEndOptions


def run(options: "CAACMEReplacementEndOptions") -> None:
    """End a replacement."""
    from newel.client import admin_calls

    (identifier,) = options.positionals(1)
    with admin_session.open_session(admin_options(options)) as session:
        session.send(admin_calls.end_replacement(identifier))
    print("The replacement was ended.")
