"""`newel alerts show`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory import entries, layouts
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsShowOptions


def run(call: "AlertsShowOptions") -> None:
    """One alert and what became of it on each channel."""
    from newel.client import catalogue

    (identifier,) = call.positionals(1)
    options = service_options(call, "alerting")
    found = entries.fetch(call.output, options, catalogue.alert(identifier))
    entries.show(call.output, found, "deliveries", layouts.DELIVERIES)
