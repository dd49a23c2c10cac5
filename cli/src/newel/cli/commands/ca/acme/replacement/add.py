"""`newel ca acme replacement add`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_session, replacements
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEReplacementAddOptions


def run(options: "CAACMEReplacementAddOptions") -> None:
    """Order a replacement and print it."""
    from newel.client import admin_calls

    scope, *value = options.positionals(1, 2)
    with admin_session.open_session(admin_options(options)) as session:
        ordered = session.send(admin_calls.order_replacement(scope, "".join(value)))
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json(replacements.as_json(ordered))
    else:
        print(replacements.table([ordered]))
