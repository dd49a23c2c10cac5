"""`newel ca provisioner update`."""

from newel.cli.operations.provisioners import targets
from newel.cli.options import provisioner
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Changes a provisioner as the flags say."""
    (name,) = call.positionals(1)
    with targets.opened(call) as place:
        place.change(name, lambda record: provisioner.change(call, record))
