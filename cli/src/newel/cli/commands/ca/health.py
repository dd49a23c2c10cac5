"""`newel ca health`."""

from newel.cli.operations.connection import connected
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints ok when the authority answers so."""
    from newel.client import calls

    call.positionals(0)
    with connected(call) as authority:
        status = authority.send(calls.health())
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"status": status})
    else:
        print(status)
