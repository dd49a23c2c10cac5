"""`newel ca provisioner list`."""

from newel.cli.interact.terminal import show_json
from newel.cli.operations.connection import connected
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Every provisioner of the authority as JSON."""
    from newel.cli.operations.tokens.provisioner_choice import every

    call.positionals(0)
    with connected(call) as authority:
        found = every(authority)
    show_json(found, indent=3)
