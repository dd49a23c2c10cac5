"""`newel ca provisioner add`."""

from newel.cli.operations.provisioners import targets
from newel.cli.options import provisioner
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Adds a provisioner, by remote management or to ca.json."""
    name, *key_file = call.positionals(1, 2)
    record = provisioner.new_record(call, name, *key_file)
    with targets.opened(call) as place:
        place.add(record)
