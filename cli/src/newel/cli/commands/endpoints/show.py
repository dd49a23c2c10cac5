"""`newel endpoints show`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory import entries, layouts
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.endpoints import EndpointsShowOptions


def run(call: "EndpointsShowOptions") -> None:
    """One endpoint and its lineage: every certificate it was given, the one that ends last first."""
    from newel.client import catalogue

    (identifier,) = call.positionals(1)
    options = service_options(call, "inventory")
    found = entries.fetch(call.output, options, catalogue.endpoint(identifier))
    entries.show(call.output, found, "certificates", layouts.LINEAGE)
