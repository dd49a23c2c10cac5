"""`newel ca provisioner list`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.operations.connection import connect
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_provisioner import CAProvisionerListOptions


def run(options: "CAProvisionerListOptions") -> None:
    """Every provisioner of the authority as JSON."""
    from newel.cli.operations.tokens.provisioner_choice import list_all

    options.positionals(0)
    with connect(authority_options(options)) as authority:
        found = list_all(authority)
    show_json(found, indent=3)
