"""`newel ca roots`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connect
from newel.cli.options.certificate_output import deliver
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CARootsOptions


def run(options: "CARootsOptions") -> None:
    """Every root of the authority."""
    from newel.client import calls

    options.positionals(0, 1)
    with connect(authority_options(options)) as authority:
        found = authority.send(calls.roots())
    deliver(options, found, "root certificate bundle")
