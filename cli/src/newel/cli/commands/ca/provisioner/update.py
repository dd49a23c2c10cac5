"""`newel ca provisioner update`."""

from typing import TYPE_CHECKING

from newel.cli.operations.provisioners import targets
from newel.cli.options import provisioner
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_provisioner import CAProvisionerUpdateOptions


def run(options: "CAProvisionerUpdateOptions") -> None:
    """Change a provisioner as the flags say."""
    (name,) = options.positionals(1)
    with targets.open_place(admin_options(options)) as place:
        place.change(name, lambda record: provisioner.change(options, record))
