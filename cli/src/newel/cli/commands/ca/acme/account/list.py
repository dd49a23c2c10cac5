"""`newel ca acme account list`."""

from typing import TYPE_CHECKING

from newel.cli.operations.acme import accounts

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEAccountListOptions


def run(options: "CAACMEAccountListOptions") -> None:
    """Print the accounts whose keys are stored on this machine; no server is asked."""
    options.positionals(0)
    found = accounts.every()
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json(
            [
                {"name": each.name, "directory": each.directory, "key": str(each.path)}
                for each in found
            ]
        )
        return
    from newel.cli.render.table import format_table

    print(
        format_table([("NAME", "DIRECTORY", "KEY"), *((*each, str(each.path)) for each in found)])
    )
