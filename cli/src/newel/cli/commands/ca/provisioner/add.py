"""`newel ca provisioner add`."""

from newel.cli.invocation import Invocation
from newel.cli.provisioner_records import flags, places


def run(call: Invocation) -> None:
    """Adds a provisioner, by remote management or to ca.json."""
    name, *key_file = call.positionals(1, 2)
    record = flags.new_record(call, name, *key_file)
    with places.opened(call) as place:
        place.add(record)
