"""`newel ca provisioner remove`."""

from typing import TYPE_CHECKING

from newel.cli.operations.provisioners import targets

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAProvisionerRemoveOptions


def run(options: "CAProvisionerRemoveOptions") -> None:
    """Takes a provisioner away."""
    (name,) = options.positionals(1)
    with targets.opened(options) as place:
        place.remove(name)
