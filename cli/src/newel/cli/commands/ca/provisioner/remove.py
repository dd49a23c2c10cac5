"""`newel ca provisioner remove`."""

from newel.cli.operations.provisioners import targets
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Takes a provisioner away."""
    (name,) = call.positionals(1)
    with targets.opened(call) as place:
        place.remove(name)
