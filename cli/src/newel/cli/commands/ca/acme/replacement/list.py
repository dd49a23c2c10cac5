"""`newel ca acme replacement list`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_session, replacements
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEReplacementListOptions


def run(options: "CAACMEReplacementListOptions") -> None:
    """Print the replacements that are not ended, with their progress."""
    from newel.client import admin_calls

    options.positionals(0)
    with admin_session.open_session(admin_options(options)) as session:
        found = session.send(admin_calls.replacements())
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json([replacements.as_json(each) for each in found])
    else:
        print(replacements.table(found))
