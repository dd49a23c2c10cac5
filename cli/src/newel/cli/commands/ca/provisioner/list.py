"""`newel ca provisioner list`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.operations.connection import connected

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAProvisionerListOptions


def run(options: "CAProvisionerListOptions") -> None:
    """Every provisioner of the authority as JSON."""
    from newel.cli.operations.tokens.provisioner_choice import every

    options.positionals(0)
    with connected(options) as authority:
        found = every(authority)
    show_json(found, indent=3)
