"""`newel ca acme account list`."""

from newel.cli.operations.acme import accounts
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints the accounts whose keys are kept here; nobody is asked."""
    call.positionals(0)
    found = accounts.every()
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json(
            [
                {"name": each.name, "directory": each.directory, "key": str(each.path)}
                for each in found
            ]
        )
        return
    from newel.cli.render.table import tabbed

    print(tabbed([("NAME", "DIRECTORY", "KEY"), *((*each, str(each.path)) for each in found)]))
