"""`newel ca provisioner add`."""

from typing import TYPE_CHECKING

from newel.cli.operations.provisioners import targets
from newel.cli.options import provisioner
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_provisioner import CAProvisionerAddOptions


def run(options: "CAProvisionerAddOptions") -> None:
    """Add a provisioner, by remote management or to ca.json."""
    name, *key_file = options.positionals(1, 2)
    record = provisioner.new_record(options, name, *key_file)
    with targets.open_place(admin_options(options)) as place:
        place.add(record)
