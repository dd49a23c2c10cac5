"""`newel ca provisioner remove`."""

from typing import TYPE_CHECKING

from newel.cli.operations.provisioners import targets
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_provisioner import CAProvisionerRemoveOptions


def run(options: "CAProvisionerRemoveOptions") -> None:
    """Remove a provisioner."""
    (name,) = options.positionals(1)
    with targets.open_place(admin_options(options)) as place:
        place.remove(name)
