"""`newel ca federation`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connect
from newel.cli.options.certificate_output import deliver
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAFederationOptions


def run(options: "CAFederationOptions") -> None:
    """Write the roots of the authority and of those it is federated with."""
    from newel.client import calls

    options.positionals(0, 1)
    with connect(authority_options(options)) as authority:
        found = authority.send(calls.federation())
    deliver(options, found, "federation certificate bundle")
