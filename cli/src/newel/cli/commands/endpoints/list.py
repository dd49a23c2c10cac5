"""`newel endpoints list`."""

from newel.cli.operations.inventory.lists import show_list
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """The people, devices and workloads that hold certificates."""
    show_list(call, "endpoints")
