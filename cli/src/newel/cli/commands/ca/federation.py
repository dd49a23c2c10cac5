"""`newel ca federation`."""

from newel.cli.operations.connection import connected
from newel.cli.options.certificate_output import deliver
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """The roots of the authority and of those it is federated with."""
    from newel.client import calls

    call.positionals(0, 1)
    with connected(call) as authority:
        found = authority.send(calls.federation())
    deliver(call, found, "federation certificate bundle")
