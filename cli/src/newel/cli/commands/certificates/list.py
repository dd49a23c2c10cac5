"""`newel certificates list`."""

from newel.cli.operations.inventory.lists import show_list
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """The catalogue's certificates, newest first unless --sort says otherwise."""
    show_list(call, "certificates")
