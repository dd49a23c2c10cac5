"""`newel ca provisioner remove`."""

from newel.cli.invocation import Invocation
from newel.cli.provisioner_records import places


def run(call: Invocation) -> None:
    """Takes a provisioner away."""
    (name,) = call.positionals(1)
    with places.opened(call) as place:
        place.remove(name)
