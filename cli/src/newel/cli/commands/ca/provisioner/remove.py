"""`newel ca provisioner remove`."""

from newel.cli.invocation import Invocation
from newel.cli.provisioner_records import stored


def run(call: Invocation) -> None:
    """Takes a provisioner out of ca.json."""
    (name,) = call.positionals(1)
    with stored.provisioners(call) as records:
        records.remove(stored.by_name(records, name))
