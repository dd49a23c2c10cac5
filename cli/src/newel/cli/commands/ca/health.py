"""`newel ca health`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connect
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAHealthOptions


def run(options: "CAHealthOptions") -> None:
    """Print ok when the authority reports that it is healthy."""
    from newel.client import calls

    options.positionals(0)
    with connect(authority_options(options)) as authority:
        status = authority.send(calls.health())
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"status": status})
    else:
        print(status)
