"""`newel ca health`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connected

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAHealthOptions


def run(options: "CAHealthOptions") -> None:
    """Prints ok when the authority answers so."""
    from newel.client import calls

    options.positionals(0)
    with connected(options) as authority:
        status = authority.send(calls.health())
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"status": status})
    else:
        print(status)
