"""`newel ca roots`."""

from newel.cli.operations.connection import connected
from newel.cli.options.certificate_output import deliver
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Every root of the authority."""
    from newel.client import calls

    call.positionals(0, 1)
    with connected(call) as authority:
        found = authority.send(calls.roots())
    deliver(call, found, "root certificate bundle")
