"""`newel ca provisioner list`."""

from newel.cli.connection import connected
from newel.cli.invocation import Invocation
from newel.cli.terminal import show_json


def run(call: Invocation) -> None:
    """Every provisioner of the authority as JSON."""
    from newel.cli.tokens.provisioner_choice import every

    call.positionals(0)
    with connected(call) as authority:
        found = every(authority)
    show_json(found, indent=3)
