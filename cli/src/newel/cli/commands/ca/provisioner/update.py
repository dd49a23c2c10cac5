"""`newel ca provisioner update`."""

from newel.cli.invocation import Invocation
from newel.cli.provisioner_records import flags, places


def run(call: Invocation) -> None:
    """Changes a provisioner as the flags say."""
    (name,) = call.positionals(1)
    with places.opened(call) as place:
        place.change(name, lambda record: flags.change(call, record))
