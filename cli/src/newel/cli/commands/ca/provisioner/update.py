"""`newel ca provisioner update`."""

from newel.cli.invocation import Invocation
from newel.cli.provisioner_records import flags, stored


def run(call: Invocation) -> None:
    """Changes a provisioner of ca.json."""
    (name,) = call.positionals(1)
    new_name = call.get("name")
    with stored.provisioners(call) as records:
        if new_name and new_name != name:
            stored.refuse_taken(records, new_name)
        flags.change(call, stored.by_name(records, name))
