"""`newel ca roots`."""

from newel.cli.certificate_lists import deliver
from newel.cli.connection import connected
from newel.cli.invocation import Invocation


def run(call: Invocation) -> None:
    """Every root of the authority."""
    from newel.client import calls

    call.positionals(0, 1)
    with connected(call) as authority:
        found = authority.send(calls.roots())
    deliver(call, found, "root certificate bundle")
