"""`newel endpoints list`."""

from typing import TYPE_CHECKING

from newel.cli.commands.certificates.list import show_list

if TYPE_CHECKING:
    from newel.cli.options.records.endpoints import EndpointsListOptions


def run(options: "EndpointsListOptions") -> None:
    """Print the people, devices and workloads that hold certificates."""
    show_list(options, "endpoints")
