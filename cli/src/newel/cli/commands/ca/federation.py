"""`newel ca federation`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connected
from newel.cli.options.certificate_output import deliver

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAFederationOptions


def run(options: "CAFederationOptions") -> None:
    """The roots of the authority and of those it is federated with."""
    from newel.client import calls

    options.positionals(0, 1)
    with connected(options) as authority:
        found = authority.send(calls.federation())
    deliver(options, found, "federation certificate bundle")
