"""`newel ca provisioner add`."""

from newel.cli.invocation import Invocation
from newel.cli.provisioner_records import flags, stored


def run(call: Invocation) -> None:
    """Adds a provisioner to ca.json."""
    (name,) = call.positionals(1)
    with stored.provisioners(call) as records:
        stored.refuse_taken(records, name)
        records.append(flags.new_record(call, name))
